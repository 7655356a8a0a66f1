import type { Clock } from '../../../proto/base/clock.ts'
import type { FluxObject } from '../../../proto/model/flux/kinds.ts'
import type { Kustomization } from '../../../proto/model/flux/kustomize/kinds.ts'
import { isSource } from '../../../proto/model/flux/source/kinds.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { REQUESTED_AT } from '../../../proto/model/names.ts'
import type { KustomizationOutcome, MirroredObject, SourceObjectStatus, SourceOutcome, StatusMoment } from '../../mirror/model.ts'
import type { HelmVoice } from '../helm/ports.ts'
import type { Voice } from '../ports.ts'
import { sourceEvent } from '../source-event.ts'
import type { SourceWord } from '../source-word.ts'

type Status<T extends { readonly status: unknown }> = T['status']

export interface VoiceDeps {
  readonly mirrored: (key: string) => MirroredObject | undefined
  /** Writes what differs. */
  readonly write: {
    status(object: MirroredObject, next: object, signal: AbortSignal): Promise<void>
    finalizer(object: MirroredObject, wanted: 'present' | 'absent', signal: AbortSignal): Promise<void>
  }
  readonly record: (object: Manifest, event: Parameters<HelmVoice['event']>[1]) => void
  readonly kustomizationStatus: (old: Status<Kustomization>, outcome: KustomizationOutcome, at: StatusMoment) => Status<Kustomization>
  readonly sourceStatus: (old: SourceObjectStatus, outcome: SourceOutcome, at: StatusMoment) => SourceObjectStatus
  readonly unservedStatus: (old: object, message: string, at: StatusMoment) => object
  readonly clock: Clock
}

/** Everything that is said about Flux objects of all kinds. */
export interface FluxVoice extends Voice, Pick<HelmVoice, 'helmStatus'> {
  source(key: string, word: SourceWord, signal: AbortSignal): Promise<void>
  unserved(key: string, message: string, signal: AbortSignal): Promise<void>
}

export function createVoice(deps: VoiceDeps): FluxVoice {
  const { write, clock } = deps
  const find = (key: string): { readonly mirrored: MirroredObject; readonly object: FluxObject } | undefined => {
    const mirrored = deps.mirrored(key)
    return mirrored && 'object' in mirrored.parsed ? { mirrored, object: mirrored.parsed.object } : undefined
  }
  const now = ({ metadata }: FluxObject) => ({ generation: metadata.generation ?? 0, now: clock.now() })
  return {
    async status(key, outcome, signal) {
      const found = find(key)
      if (found?.object.kind !== 'Kustomization') return
      const at = { ...now(found.object), ...requested(found.object) }
      await write.status(found.mirrored, deps.kustomizationStatus(found.object.status, outcome, at), signal)
    },
    async source(key, { outcome, requestedAt }, signal) {
      const found = find(key)
      if (!found || !isSource(found.object)) return
      // What the hub found answers a request only when it says so; what is decided here answers at once.
      const isLocal = outcome.kind === 'suspended' || (outcome.kind === 'stalled' && requestedAt === undefined)
      const handled = isLocal ? requested(found.object) : requestedAt === undefined ? {} : { requestedAt }
      const before = found.object.status
      const next = deps.sourceStatus(before, outcome, { ...now(found.object), ...handled })
      await write.status(found.mirrored, next, signal)
      const event = sourceEvent(before, outcome)
      if (event && next !== before) deps.record(found.mirrored.manifest, event)
    },
    async helmStatus(key, status, signal) {
      const mirrored = deps.mirrored(key)
      if (mirrored) await write.status(mirrored, status, signal)
    },
    async unserved(key, message, signal) {
      const found = find(key)
      if (!found) return
      const at = { ...now(found.object), ...requested(found.object) }
      await write.status(found.mirrored, deps.unservedStatus((found.object.status ?? {}) as object, message, at), signal)
    },
    async finalizer(key, wanted, signal) {
      const mirrored = deps.mirrored(key)
      if (mirrored) await write.finalizer(mirrored, wanted, signal)
    },
    event(key, event) {
      const mirrored = deps.mirrored(key)
      if (mirrored) deps.record(mirrored.manifest, event)
    },
  }
}

function requested({ metadata }: FluxObject): { readonly requestedAt?: string } {
  const at = metadata.annotations?.[REQUESTED_AT]
  return at === undefined ? {} : { requestedAt: at }
}
