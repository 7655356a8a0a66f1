import type { ErrorCode } from '../../proto/base/errors.ts'
import type { Health } from '../../proto/model/health.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'
import type { Known, LiveFact, PatchStep, Remembered } from '../drift/model.ts'

/** Why the API server does not take an object; `reason` is Kubernetes' word. */
export interface Refusal {
  readonly code: ErrorCode
  readonly reason: string
  readonly message: string
}

export type Outcome = { readonly kind: 'done'; readonly object: Manifest } | { readonly kind: 'refused'; readonly why: Refusal }

export interface Wait {
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

/** The cluster as the ServiceAccount sees it in whose name everything is applied. */
export interface ApplyCluster {
  readonly subject: string
  scopeOf(object: Manifest, signal: AbortSignal): Promise<'namespaced' | 'cluster' | 'unserved'>
  live(object: Manifest, signal: AbortSignal): Promise<Manifest | undefined>
  dryRun(object: Manifest, signal: AbortSignal): Promise<Outcome>
  apply(object: Manifest, signal: AbortSignal): Promise<Outcome>
  patch(object: Manifest, steps: readonly PatchStep[], signal: AbortSignal): Promise<Outcome>
  /** Deletes this very object in the background and returns when it is gone. */
  replace(live: Manifest, wait: Wait): Promise<void>
  /** Returns when `enough` says so of the live object; its last state otherwise is in the error. */
  settled(object: Manifest, enough: (live: Manifest) => boolean, wait: Wait): Promise<void>
  /** Returns when the kind of a CustomResourceDefinition is served. */
  served(definition: Manifest, wait: Wait): Promise<void>
}

/** How desired, dry-run and live are compared; the decisions of `drift`. */
export interface Comparison {
  factOf(live: Manifest): LiveFact
  desiredHash(desired: Manifest): string
  isExcluded(object: Manifest): boolean
  differences(live: Manifest, dryRun: Manifest): readonly string[]
  takeOver(live: Manifest, desired: Manifest): readonly PatchStep[]
}

/** What watches and earlier applies know, so that the API server is asked only for what changed. */
export interface Memory {
  known(subject: string, ref: ObjectRef): Known
  remembered(subject: string, ref: ObjectRef): Remembered | undefined
  /** Brackets a run: what watches tell of these objects meanwhile is judged at its end. */
  during(subject: string, refs: readonly ObjectRef[]): Disposable
  record(subject: string, entry: { readonly desired: string; readonly live: Manifest }): void
}

export type ComputeHealth = (object: Manifest) => Health
