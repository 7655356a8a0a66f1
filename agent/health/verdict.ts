import { formatRef } from '../../proto/model/object-ref.ts'
import type { HealthOutcome, ObjectHealth, Together } from './model.ts'

/** Whether the objects are healthy or hopeless together; undefined while waiting may still help. */
export function verdict(objects: readonly ObjectHealth[]): HealthOutcome | undefined {
  const failed = objects.filter(({ health }) => health.status === 'Failed')
  if (failed.length > 0) return { kind: 'failed', objects: failed }
  return objects.every(({ health }) => health.status === 'Current') ? { kind: 'healthy' } : undefined
}

/** How the objects are doing together: failed with the first one that is, else on its way with the first one that is. */
export function together(objects: readonly ObjectHealth[]): Together | undefined {
  const failed = objects.find(({ health }) => health.status === 'Failed')
  if (failed) return { health: 'Failed', message: blame(failed) }
  const late = objects.find(({ health }) => health.status !== 'Current' && health.status !== 'Unknown')
  if (late) return { health: 'InProgress', message: blame(late) }
  return objects.every(({ health }) => health.status === 'Current') ? { health: 'Current', message: '' } : undefined
}

function blame({ ref, health: { message, status } }: ObjectHealth): string {
  return `${formatRef(ref)} is ${status}${message ? `: ${message}` : ''}`
}

/** The objects that are to blame, in Flux's words: `[Deployment/ns/name status: 'InProgress', …]`. */
export function describeUnhealthy(objects: readonly ObjectHealth[]): string {
  const lines = objects.map(
    ({ ref, health }) => `${formatRef(ref)} status: '${health.status}'${health.message ? `: ${health.message}` : ''}`,
  )
  return `[${lines.join(', ')}]`
}
