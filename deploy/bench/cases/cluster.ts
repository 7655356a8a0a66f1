import { systemClock } from '../../../proto/base/clock.ts'
import { within } from '../../../proto/base/signals.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { KUSTOMIZE_GROUP, PLATFORM_NAMESPACE } from '../../../proto/model/names.ts'
import { follow } from '../bed/follow.ts'
import { APPS_NAMESPACE } from '../bed/workload.ts'
import { type ClusterWorld, keepLogs, openClusterWorld } from '../bed/world.ts'
import { countingSchemas } from '../measure/requests.ts'
import { measure } from '../measure/window.ts'
import type { BenchOptions } from '../options.ts'
import type { Bench } from './bench.ts'
import { heal } from './heal.ts'
import { idle } from './idle.ts'
import { limit } from './limit.ts'
import { sync } from './sync.ts'

/** Time after the last answer that still counts, for what comes later: reports, status, mirrors. */
const TAIL_MS = 1_000
const SETTLE_MS = 5_000

/** The cases with N Kustomizations on one real cluster, one after the other on the same world. */
export async function clusterCases(n: number, o: Pick<Bench, 'options' | 'figures' | 'signal'>): Promise<void> {
  const wants = (name: BenchOptions['cases'][number]) => o.options.cases.includes(name)
  await using scope = new AsyncDisposableStack()
  const bench = await openBench(n, o, scope)
  scope.defer(() => keepLogs(bench.world, o.options, `cluster-${n}`))
  if (wants('sync') || wants('idle') || wants('heal')) await sync(bench)
  if (wants('heal')) await heal(bench)
  if (wants('limit')) await limit(bench)
  // Last, for it ends hub and agent.
  if (wants('idle')) await idle(bench)
}

/** A world of one cluster whose agent is connected and counted. */
export async function openBench(n: number, o: Pick<Bench, 'options' | 'figures' | 'signal'>, scope: AsyncDisposableStack): Promise<Bench> {
  const { options, figures, signal } = o
  const world = scope.use(await openClusterWorld({ inspect: options.profiles !== undefined, agentFlags: options.agentFlags, signal }))
  await prepare(world, signal)
  const kustomizations = scope.use(await follow(world.admin.own, collection(`${KUSTOMIZE_GROUP}/v1`, 'Kustomization', PLATFORM_NAMESPACE)))
  const configMaps = scope.use(await follow(world.admin.own, collection('v1', 'ConfigMap', APPS_NAMESPACE)))
  await systemClock.sleep(SETTLE_MS, signal)
  return {
    ...{ n, world, kustomizations, configMaps, options, figures, signal },
    measured: (name, work, tailMs = TAIL_MS) => measure({ world, name: `${name}-${n}`, profiles: options.profiles, tailMs, signal }, work),
  }
}

/** Waits for the agent's line to the hub, and lets the API server count the agent's requests. */
async function prepare(world: ClusterWorld, signal: AbortSignal): Promise<void> {
  const namespace: Manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: APPS_NAMESPACE } }
  for (const object of [namespace, ...countingSchemas()]) await world.admin.own.create(object, { fieldManager: 'bench', signal })
  const soon = within(60_000, signal)
  for (;;) {
    const [cluster] = await world.api.clusters(soon)
    const { connection } = (cluster?.status ?? {}) as { connection?: { connected?: boolean } }
    if (connection?.connected) return
    await systemClock.sleep(200, soon)
  }
}

function collection(apiVersion: string, kind: string, namespace: string) {
  return { apiVersion, kind, namespace }
}
