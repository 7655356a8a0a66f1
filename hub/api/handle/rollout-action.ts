import { z } from 'zod'
import type { Asked } from '../../rollout/service.ts'
import type { ApiRequest, ApiResponse, Target } from '../model.ts'
import type { ApiParts } from '../ports.ts'
import { invalid, refuse, success } from '../present/status.ts'
import { parseBody } from '../request/body.ts'

const given = z
  .strictObject({
    reason: z.string().max(1000).exactOptional(),
    wave: z.string().max(63).exactOptional(),
    revision: z.string().min(1).max(500).exactOptional(),
  })
  .prefault({})
type Given = z.infer<typeof given>

/** What is asked of a Rollout by hand: who, what, and why. The answer says what was done. */
export async function actOnRollout({ rollouts }: Pick<ApiParts, 'rollouts'>, target: Target, request: ApiRequest): Promise<ApiResponse> {
  const { name, namespace } = target
  const { reason, revision, wave } = givenIn(request, target)
  const message = await rollouts.act({ namespace, name }, { verb: target.verb, revision, wave } as Asked, {
    subject: request.subject.name,
    reason,
  })
  return { kind: 'json', code: 201, body: { ...success({ name, kind: target.served.resource.plural }), code: 201, message } }
}

/** Why, as the audit log keeps it. */
export function reasonIn(request: ApiRequest): string {
  try {
    const body = given.safeParse(bodyOf(request))
    return body.success ? (body.data.reason ?? '') : ''
  } catch {
    return ''
  }
}

function givenIn(request: ApiRequest, { name, verb }: Target): Given {
  const read = given.safeParse(bodyOf(request))
  if (read.success) return read.data
  const problems = read.error.issues.map(({ message, path }) => ({ path: path.join('.'), message }))
  throw refuse(invalid(`${verb} Rollout ${name}`, problems))
}

function bodyOf({ body, contentType }: ApiRequest): unknown {
  return body.length === 0 ? undefined : parseBody(body, contentType)
}
