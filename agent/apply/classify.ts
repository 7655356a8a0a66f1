import { FleetError } from '../../proto/base/errors.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { refOf } from '../../proto/model/manifest.ts'
import { formatRef } from '../../proto/model/object-ref.ts'
import type { Refusal } from './ports.ts'

/**
 * True where recreating the object may help: kubectl's rule, conflicts and invalid objects, and what admission webhooks
 * and CEL rules write about immutable fields. Source: fluxcd/pkg ssa/errors.
 */
export function isImmutable({ code, message }: Refusal): boolean {
  return code === 'conflict' || code === 'invalid' || /is immutable|immutable field/i.test(message)
}

/** The sentence for a refusal, as Flux writes it; values of a Secret are taken out of it. */
export function refused(object: Manifest, step: 'dry-run' | 'apply', why: Refusal): FleetError {
  const reason = why.reason === '' ? '' : ` (${why.reason})`
  return new FleetError(why.code, `${formatRef(refOf(object))} ${step} failed${reason}: ${withoutValues(object, why.message)}`)
}

/** All refusals of a stage as one error; the first one's code counts. */
export function together(errors: readonly FleetError[]): FleetError {
  const [first, ...rest] = errors
  if (!first) return new FleetError('internal', 'apply failed without an error')
  return rest.length === 0 ? first : new FleetError(first.code, errors.map((error) => error.message).join('\n'), { cause: first })
}

function withoutValues(object: Manifest, message: string): string {
  if (object.kind !== 'Secret') return message
  const values = [object.data, object.stringData].flatMap((part) => (typeof part === 'object' && part !== null ? Object.values(part) : []))
  const texts = values.map(String).filter((text) => text.length > 2)
  const decoded = texts.map((text) => Buffer.from(text, 'base64').toString('utf8')).filter((text) => text.length > 2)
  const bare = message.replaceAll(/value\w*\{[^}]*\}/gi, '[secret]')
  return [...texts, ...decoded].sort((a, b) => b.length - a.length).reduce((text, value) => text.replaceAll(value, '[secret]'), bare)
}
