import type { HealthChecks } from '../../proto/model/flux/health-checks.ts'
import type { Kustomization } from '../../proto/model/flux/kustomize/kinds.ts'
import type { ServiceAccountRef } from '../../proto/model/identities.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'
import type { Applied } from '../apply/model.ts'
import type { Followed } from '../health/model.ts'
import type { Item } from '../inventory/model.ts'
import type { KustomizationOutcome } from '../mirror/model.ts'
import type { Plan } from './model.ts'

export interface Owner {
  readonly name: string
  readonly namespace: string
}

/** What is done in the cluster, always as one ServiceAccount. */
export interface Workload {
  apply(
    objects: readonly Manifest[],
    o: { account: ServiceAccountRef; owner: Owner; force: boolean; signal: AbortSignal },
  ): Promise<Applied>
  /** Deletes items, last applied first; what was not confirmed is in `remaining`. */
  prune(
    items: readonly Item[],
    o: { account: ServiceAccountRef; owner: Owner; signal: AbortSignal; awaitGoneMs?: number },
  ): Promise<{ readonly remaining: readonly Item[]; readonly deleted: readonly ObjectRef[]; readonly failure: string | undefined }>
  /** Resolves when all are healthy, one has failed, or the time is up; `why` names who is to blame. */
  awaitHealth(
    items: readonly Item[],
    o: {
      account: ServiceAccountRef
      owned: ReadonlySet<string>
      timeoutMs: number
      signal: AbortSignal
      /** How the object itself judges some kinds. */
      checks?: HealthChecks | undefined
    },
  ): Promise<{ readonly kind: 'healthy' } | { readonly kind: 'failed' | 'timeout'; readonly why: string }>
  /** Tells when the health of objects that are held may be another, until disposed. */
  follow(items: readonly Item[], o: { account: ServiceAccountRef; changed: () => void; checks?: HealthChecks | undefined }): Followed
  /** Follows objects by watch, so that drift is heard of, until disposed. */
  hold(items: readonly Item[], account: ServiceAccountRef): Disposable
  /** True when watches tell of all of them, so that nothing needs to be read. */
  isWatched(items: readonly Item[], account: ServiceAccountRef): boolean
  /** False only when the ServiceAccount is gone for good, or its namespace is going. */
  accountExists(account: ServiceAccountRef, signal: AbortSignal): Promise<boolean>
}

/** The final objects of a bundle for this cluster: variables substituted, and the digest over all of them. */
export type Prepare = (
  object: Kustomization,
  bundle: string,
  o: { account: ServiceAccountRef; signal: AbortSignal },
) => Promise<{ readonly objects: readonly Manifest[]; readonly digest: string } | { readonly problem: string }>

/** Everything that is written about the object, in its cluster and to the hub. */
export interface Voice {
  status(key: string, outcome: KustomizationOutcome, signal: AbortSignal): Promise<void>
  finalizer(key: string, wanted: 'present' | 'absent', signal: AbortSignal): Promise<void>
  event(
    key: string,
    event: {
      readonly severity: 'info' | 'error'
      readonly reason: string
      readonly message: string
      readonly revision: string
      /** What else a receiver may want to know, by the key under the kind's group. */
      readonly notes?: Readonly<Record<string, string>>
    },
  ): void
}

/** What the agent sees and holds at this moment. */
export interface View {
  kustomization(key: string): Kustomization | undefined
  plan(object: Kustomization): Plan
}
