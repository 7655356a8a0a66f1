import type { Manifest } from '../../proto/model/manifest.ts'

/** What of a Lease decides who acts. */
export interface LeaseRecord {
  /** Empty when nobody holds it. */
  readonly holder: string
  readonly transitions: number
  readonly renewTime: string
  readonly resourceVersion: string
}

/** A record as it stands, and since when by our own clock: the clocks of two agents need not agree. */
export interface Sighting {
  readonly record: LeaseRecord
  readonly sinceMs: number
}

export interface Contender {
  readonly identity: string
  /** Start of the identities that earlier processes of this very agent had; they are dead, for we hold its folder. */
  readonly predecessors: string
  readonly durationMs: number
  readonly nowMs: number
}

/** Whether the lease may be taken now, and with which transition count. */
export type LeaseMove = { readonly kind: 'take'; readonly transitions: number } | { readonly kind: 'wait' }

export function contend({ record, sinceMs }: Sighting, { identity, predecessors, durationMs, nowMs }: Contender): LeaseMove {
  const free = record.holder === '' || record.holder === identity || record.holder.startsWith(predecessors)
  if (!free && nowMs - sinceMs < durationMs) return { kind: 'wait' }
  return { kind: 'take', transitions: record.transitions + 1 }
}

/** The sighting after a look: a record that moved starts its time anew. */
export function sight(before: Sighting | undefined, record: LeaseRecord, nowMs: number): Sighting {
  const same = before?.record.holder === record.holder && before.record.renewTime === record.renewTime
  return { record, sinceMs: same ? before.sinceMs : nowMs }
}

export function leaseRecord({ metadata, spec }: Manifest): LeaseRecord {
  const given = (spec ?? {}) as { holderIdentity?: string; leaseTransitions?: number; renewTime?: string }
  return {
    holder: given.holderIdentity ?? '',
    transitions: given.leaseTransitions ?? 0,
    renewTime: given.renewTime ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
  }
}
