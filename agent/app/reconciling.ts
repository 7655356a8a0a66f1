import type { Clock } from '../../proto/base/clock.ts'
import type { Random } from '../../proto/base/random.ts'
import type { Kustomization } from '../../proto/model/flux/kustomize/kinds.ts'
import { progressMessage } from '../../proto/model/flux/progress.ts'
import { unserved } from '../../proto/model/flux/unserved.ts'
import type { ServiceAccountRef } from '../../proto/model/identities.ts'
import { refKey } from '../../proto/model/object-ref.ts'
import { describeChanges } from '../apply/changeset.ts'
import { openApplyCluster } from '../apply/io/cluster.ts'
import { compareOrder } from '../apply/order.ts'
import { createApply } from '../apply/service.ts'
import { decide } from '../cache/decide.ts'
import type { Store } from '../cache/io/store.ts'
import { differences } from '../drift/diff.ts'
import { desiredHash, factOf, isExcluded } from '../drift/facts.ts'
import { takeOver } from '../drift/managers.ts'
import type { DriftMemory } from '../drift/memory.ts'
import { computeHealth } from '../health/compute.ts'
import { describeUnhealthy } from '../health/verdict.ts'
import { stale, union } from '../inventory/algebra.ts'
import { openPruneCluster } from '../inventory/io/cluster.ts'
import { fromEntries, toEntries } from '../inventory/model.ts'
import { awaitGone, prune } from '../inventory/service.ts'
import type { KubeConnection } from '../kube/connection.ts'
import type { Flux } from '../mirror/io/flux.ts'
import { awaitedItems } from '../reconcile/awaited.ts'
import { createPrepare } from '../reconcile/io/prepare.ts'
import type { FluxVoice } from '../reconcile/io/voice.ts'
import { createWorkload } from '../reconcile/io/workload.ts'
import { plan } from '../reconcile/plan.ts'
import { timeoutMs } from '../reconcile/schedule.ts'
import { Reconciler } from '../reconcile/service.ts'
import type { Reporting } from '../report/io/reporting.ts'
import { substitute } from '../substitute/substitute.ts'
import { collectVariables } from '../substitute/variables.ts'
import type { Authority } from '../tenancy/io/authority.ts'
import type { Tenure } from '../tenancy/io/lease.ts'
import type { Watching } from './watching.ts'

interface ReconcilingParts {
  readonly as: (account: ServiceAccountRef) => ReturnType<KubeConnection['as']>
  readonly authority: Authority
  readonly connection: KubeConnection
  readonly flux: Flux
  readonly memory: DriftMemory
  readonly reporting: Reporting
  readonly store: Pick<Store<unknown>, 'holdings' | 'bundles' | 'memo'>
  readonly tenure: Tenure
  readonly clock: Clock
  readonly random: Random
}

const RULES = { factOf, desiredHash, isExcluded, differences, takeOver }
/** Waits shorter than this are not told of. */
const QUIET_MS = 1_000

/** The engine: apply, drift, health and prune, each under the identity of the object it is for. */
export function openReconciler(
  parts: ReconcilingParts,
  { again, voice, watching }: { readonly voice: FluxVoice; readonly watching: Watching; readonly again: (key: string, ms: number) => void },
): Reconciler {
  const { as, authority, clock, connection, flux, memory, random, reporting, store, tenure } = parts
  const { configs, coverage, sighted, waits, watches, written } = watching
  const health = (live: Parameters<typeof computeHealth>[0]) => computeHealth(live, clock.now())
  const apply = createApply({ rules: RULES, memory, health, written })
  const workload = createWorkload({
    ...{ own: connection.own, as, memory, watches, coverage, waits, describeUnhealthy, clock, stop: tenure.signal },
    async applyAs(kube, objects, o) {
      store.memo.changed()
      return apply(objects, { cluster: openApplyCluster(kube, { clock }), ...o })
    },
    async pruneAs(kube, items, { awaitGoneMs, ...o }) {
      const cluster = openPruneCluster(kube, { clock })
      const pruned = await prune(items, { cluster, order: (a, b) => compareOrder(a.ref, b.ref), ...o })
      if (awaitGoneMs !== undefined) await awaitGone(pruned, { cluster, signal: o.signal, timeoutMs: awaitGoneMs })
      return pruned
    },
  })
  const prepare = createPrepare({
    bundle: (digest, signal) => store.bundles.get(digest, signal),
    policy: () => authority.rules.policy(),
    ...{ configs, collectVariables, substitute },
  })
  return new Reconciler({
    ...{ workload, prepare, voice, clock, random, again, quietMs: QUIET_MS, toEntries, stale, union, describeChanges, timeoutMs },
    fromEntries: (entries) => fromEntries(entries).items,
    progress: (step, revision, spec) => progressMessage(step, revision, timeoutMs(spec)),
    awaited: awaitedItems,
    sighted: (items) => items.flatMap(({ ref }) => sighted(ref)),
    follow: (applied, changed, watch) => reporting.applied.follow(applied, changed, watch),
    view: { kustomization: (key) => flux.kustomization(key), plan: (object) => planOf(parts, object) },
  })
}

function planOf({ authority, flux, store }: ReconcilingParts, object: Kustomization): ReturnType<typeof plan> {
  const { metadata, spec } = object
  const namespace = metadata.namespace ?? ''
  return plan({
    object,
    unserved: unserved(object),
    identity: authority.identify({ namespace, serviceAccountName: spec.serviceAccountName }, metadata.deletionTimestamp !== undefined),
    refuseReference: (target) => authority.refuseReference(namespace, target),
    sourceExists: (ref) => flux.mirror.get(ref) !== undefined,
    verdict: (consumer) => decide(store.holdings.current(), consumer),
    kustomization: (ref) => flux.kustomization(refKey(ref)),
  })
}
