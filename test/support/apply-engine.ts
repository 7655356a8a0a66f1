import { openApplyCluster } from '../../agent/apply/io/cluster.ts'
import type { ApplyCluster, Comparison } from '../../agent/apply/ports.ts'
import { type Apply, createApply } from '../../agent/apply/service.ts'
import { differences } from '../../agent/drift/diff.ts'
import { desiredHash, factOf, isExcluded } from '../../agent/drift/facts.ts'
import { takeOver } from '../../agent/drift/managers.ts'
import { DriftMemory } from '../../agent/drift/memory.ts'
import type { Drift } from '../../agent/drift/model.ts'
import { computeHealth } from '../../agent/health/compute.ts'
import { LiveWatches } from '../../agent/health/io/watches.ts'
import { HealthWaits } from '../../agent/health/waits.ts'
import { type KubeConnection, openKube } from '../../agent/kube/connection.ts'
import type { ImpersonatedKube } from '../../agent/kube/model.ts'
import { type Subject, serviceAccount } from '../../agent/kube/subject.ts'
import { kubeconfigTarget } from '../../agent/kube/target.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { silentLog } from '../../proto/base/log.ts'
import { systemRandom } from '../../proto/base/random.ts'
import type { TestCluster } from './cluster.ts'

/** The agent's apply, drift and health wired together as in its app, against a real API server, as one ServiceAccount. */
export interface ApplyEngine extends AsyncDisposable {
  readonly connection: KubeConnection
  readonly subject: Subject
  readonly kube: ImpersonatedKube
  readonly cluster: ApplyCluster
  readonly apply: Apply
  readonly memory: DriftMemory
  readonly waits: HealthWaits
  readonly watches: LiveWatches
  /** Every drift told so far. */
  readonly drifts: readonly Drift[]
  /** Requests sent while `work` ran, by verb, watches and discovery left out. */
  requestsDuring(work: () => Promise<unknown>): Promise<Record<string, number>>
}

const rules: Comparison = { factOf, desiredHash, isExcluded, differences, takeOver }

/** A connection as the cluster's administrator. */
export async function openAdminKube(cluster: TestCluster): Promise<KubeConnection> {
  return openKube(await kubeconfigTarget(cluster.kubeconfig, systemClock), { clock: systemClock, random: systemRandom })
}

/** Makes the ServiceAccount `applier` in a namespace, bound there to a ClusterRole, and acts as it. */
export async function openApplyEngine(
  testCluster: TestCluster,
  o: { readonly namespace: string; readonly clusterRole?: string; readonly everywhere?: boolean },
): Promise<ApplyEngine> {
  const { namespace, clusterRole = 'admin' } = o
  await testCluster.kubectl(['create', 'serviceaccount', 'applier', '-n', namespace])
  const binding = o.everywhere ? ['clusterrolebinding', `applier-${namespace}`] : ['rolebinding', 'applier', '-n', namespace]
  await testCluster.kubectl(['create', ...binding, `--clusterrole=${clusterRole}`, `--serviceaccount=${namespace}:applier`])
  const connection = await openAdminKube(testCluster)
  const subject = serviceAccount(namespace, 'applier')
  const drifts: Drift[] = []
  const memory = new DriftMemory({ clock: systemClock, drifted: (drift) => drifts.push(drift) })
  const waits: HealthWaits = new HealthWaits({ clock: systemClock, watches: () => watches })
  const watches = new LiveWatches({
    as: () => connection.as(subject),
    listeners: [memory, waits],
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    pollMs: 200,
  })
  const kube = connection.as(subject)
  return {
    connection,
    subject,
    kube,
    cluster: openApplyCluster(kube, { clock: systemClock }),
    apply: createApply({
      rules,
      memory,
      health: (live) => computeHealth(live, systemClock.now()),
      written: (who, live) => waits.observed(who, live),
    }),
    memory,
    waits,
    watches,
    drifts,
    requestsDuring: (work) => requestsDuring(connection, work),
    async [Symbol.asyncDispose]() {
      await watches[Symbol.asyncDispose]()
      await connection[Symbol.asyncDispose]()
      if (o.everywhere) await testCluster.kubectl(['delete', 'clusterrolebinding', `applier-${namespace}`])
    },
  }
}

async function requestsDuring(connection: KubeConnection, work: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = new Map(connection.requests())
  await work()
  const counted = [...connection.requests()].map(([verb, count]) => [verb, count - (before.get(verb) ?? 0)] as const)
  return Object.fromEntries(counted.filter(([verb, count]) => count > 0 && verb !== 'watch' && verb !== 'discover'))
}
