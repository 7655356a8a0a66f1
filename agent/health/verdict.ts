import { formatRef } from '../../proto/model/object-ref.ts'
import type { HealthOutcome, ObjectHealth } from './model.ts'

/** Whether the objects are healthy or hopeless together; undefined while waiting may still help. */
export function verdict(objects: readonly ObjectHealth[]): HealthOutcome | undefined {
  const failed = objects.filter(({ health }) => health.status === 'Failed')
  if (failed.length > 0) return { kind: 'failed', objects: failed }
  return objects.every(({ health }) => health.status === 'Current') ? { kind: 'healthy' } : undefined
}

/** The objects that are to blame, in Flux's words: `[Deployment/ns/name status: 'InProgress', …]`. */
export function describeUnhealthy(objects: readonly ObjectHealth[]): string {
  const lines = objects.map(
    ({ ref, health }) => `${formatRef(ref)} status: '${health.status}'${health.message ? `: ${health.message}` : ''}`,
  )
  return `[${lines.join(', ')}]`
}
