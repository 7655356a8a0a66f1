import { parseDurationMs } from '../../proto/model/duration.ts'
import type { KustomizationSpec } from '../../proto/model/flux/kustomize/kustomization.ts'

const FLOOR_MS = 30_000
/** Share of the interval by which runs are spread, as Flux's --interval-jitter-percentage. */
const JITTER = 0.05

type Times = Pick<KustomizationSpec, 'interval' | 'retryInterval' | 'timeout'>

/** When to look again after a success. @param jitter in [0, 1) */
export function intervalMs(spec: Pick<Times, 'interval'>, jitter: number): number {
  return Math.round((parseDurationMs(spec.interval) ?? 0) * (1 - JITTER + 2 * JITTER * jitter))
}

/** When to try again after a failure: constant, without back-off, as Flux does. */
export function retryMs(spec: Times): number {
  return parseDurationMs(spec.retryInterval ?? spec.interval) ?? FLOOR_MS
}

/** How long one run may take. */
export function timeoutMs(spec: Times): number {
  const given = spec.timeout === undefined ? undefined : parseDurationMs(spec.timeout)
  return given ?? Math.max((parseDurationMs(spec.interval) ?? 0) - FLOOR_MS, FLOOR_MS)
}
