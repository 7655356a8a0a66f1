import type { ServiceAccountRef } from '../../proto/model/identities.ts'
import type { Item } from '../inventory/model.ts'

/** How far the health of what was applied is known. */
export type HealthOfRun =
  | { readonly kind: 'unchecked' }
  | { readonly kind: 'running'; readonly sinceMs: number; readonly stop: AbortController }
  | { readonly kind: 'passed'; readonly durationMs: number }
  | { readonly kind: 'failed'; readonly why: string; readonly sinceMs: number }

/** The last run of a Kustomization that applied everything. */
export interface Run {
  readonly generation: number
  readonly bundle: string
  readonly account: ServiceAccountRef
  /** Digest of the final objects. */
  readonly digest: string
  readonly items: readonly Item[]
  readonly durationMs: number
  readonly endedMs: number
  readonly changed: boolean
  readonly held: Disposable
  health: HealthOfRun
  /** The end of this run was told as an event. */
  told: boolean
  /** Somebody changed what was applied; the next run looks at it. */
  drifted: boolean
}

/** Why what was applied last is not simply kept; `kept` when it is. */
export type Freshness = 'kept' | 'changed' | 'drifted' | 'due' | 'requested'

export interface FreshnessInput {
  readonly run: Run | undefined
  readonly generation: number
  readonly bundle: string
  readonly account: ServiceAccountRef
  readonly requested: boolean
  readonly nowMs: number
  readonly intervalMs: number
  /** Variables come from objects that nobody watches, or applied objects cannot be watched: look at every interval. */
  readonly looksAtInterval: boolean
}

/** Whether the last run still stands: then a new revision without news for this object costs one status write. */
export function freshness({ run, generation, bundle, account, ...now }: FreshnessInput): Freshness {
  if (!run || run.generation !== generation || run.bundle !== bundle) return 'changed'
  if (run.account.name !== account.name || run.account.namespace !== account.namespace) return 'changed'
  if (now.requested) return 'requested'
  if (run.drifted) return 'drifted'
  // A failure stands from when it was known: a wait that is longer than the retry interval would else never be told of.
  const due = now.nowMs - (run.health.kind === 'failed' ? run.health.sinceMs : run.endedMs) >= now.intervalMs
  if (run.health.kind === 'failed') return due ? 'due' : 'kept'
  return due && now.looksAtInterval ? 'due' : 'kept'
}
