import type { ApiRequest, ApiResponse, Target } from '../model.ts'
import { parseBody } from './body.ts'

const NAME = /^[-A-Za-z0-9.:_]{1,253}$/

/**
 * The name of the object that a request is about, for the audit log: of a create it is in no path, but in the answer,
 * else in what was sent. Empty where nobody named one that could be a name.
 */
export function subjectName({ body, contentType }: ApiRequest, target: Target, answer: ApiResponse | undefined): string {
  if (target.name !== '' || target.verb !== 'create') return target.name
  return nameIn(answer?.kind === 'json' ? answer.body : undefined) ?? nameIn(sent(body, contentType)) ?? ''
}

/** What cannot be read was refused for that; it names nothing. */
function sent(body: Uint8Array, contentType: string): unknown {
  try {
    return parseBody(body, contentType)
  } catch {
    return undefined
  }
}

function nameIn(value: unknown): string | undefined {
  const name = (value as { metadata?: { name?: unknown } } | null | undefined)?.metadata?.name
  return typeof name === 'string' && NAME.test(name) ? name : undefined
}
