import { Applied_Health, type Applied as WireApplied } from '../gen/fleet/v1/report.ts'
import type { ObjectRef as WireRef } from '../gen/fleet/v1/types.ts'
import type { ObjectRef } from '../model/object-ref.ts'
import { APPLIED_HEALTH, type AppliedHealth, type AppliedReport } from '../model/report.ts'

/** Longest sentence on what is to blame, in characters. */
const MAX_MESSAGE = 1_000

const HEALTH: Record<AppliedHealth, Applied_Health> = {
  Current: Applied_Health.CURRENT,
  InProgress: Applied_Health.IN_PROGRESS,
  Failed: Applied_Health.FAILED,
  NotAssessed: Applied_Health.NOT_ASSESSED,
}

export function appliedToWire({ fluxObjects, generation, health, message, ...same }: AppliedReport): WireApplied {
  return {
    ...same,
    generation: BigInt(generation),
    health: HEALTH[health],
    message: message.slice(0, MAX_MESSAGE),
    fluxObjects: fluxObjects.map((one) => ({ ...one, generation: BigInt(one.generation) })),
  }
}

/** @throws where the health is none that is known */
export function appliedFromWire(message: WireApplied, ref: (wire: WireRef | undefined) => ObjectRef): AppliedReport {
  const health = APPLIED_HEALTH.find((one) => HEALTH[one] === message.health)
  if (!health) throw new Error('the health of what was applied is unknown')
  return {
    object: ref(message.object),
    uid: message.uid,
    generation: Number(message.generation),
    bundle: message.bundle,
    health,
    message: message.message.slice(0, MAX_MESSAGE),
    fluxObjects: message.fluxObjects.map((one) => ({ ref: ref(one.ref), uid: one.uid, generation: Number(one.generation) })),
  }
}
