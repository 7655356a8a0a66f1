import { systemClock } from '../../../proto/base/clock.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { KUSTOMIZE_GROUP } from '../../../proto/model/names.ts'
import { appFiles, appName, configMapFile, gitRepository, kustomization, SOURCE_NAME, sourceKey } from '../bed/workload.ts'
import { type HubWorld, keepLogs, openHubWorld } from '../bed/world.ts'
import type { Figure } from '../figures.ts'
import { cpuSeconds, memoryOf } from '../measure/processes.ts'
import { later, nowMs } from '../measure/timing.ts'
import { profile } from '../measure/window.ts'
import { clusterNames, connectAll, JOIN_AT_ONCE, joinAll, middle, patience, type SimulatedFleet } from '../simulated/fleet.ts'
import type { Bench } from './bench.ts'

type FleetBench = Pick<Bench, 'options' | 'figures' | 'signal'>

/** Kustomizations of each simulated cluster. */
const APPS = Array.from({ length: 3 }, (_, index) => appName(index))
const INTERVAL = '10m'
const SOURCE = sourceKey(SOURCE_NAME)
const IDLE_MS = 30_000
const MIB = 1 << 20

const WHAT_IS_SIMULATED =
  'simulated: the agents, all in one process that shares the machine with the hub: no clusters behind them, nothing is applied, ' +
  'and applying succeeds at once; real: hub with Postgres and NATS, Join, certificates, mTLS sessions, bundles, reports'

/** Many simulated agents on one real hub: they join, connect, get a first revision, then a commit that changes one bundle for all. */
export async function fleet({ options, figures, signal }: FleetBench): Promise<void> {
  const n = options.agents
  figures.note(`${n} simulated agents with ${APPS.length} Kustomizations each; ${WHAT_IS_SIMULATED}`)
  await using world = await openHubWorld({ inspect: options.profiles !== undefined, signal })
  await using logs = new AsyncDisposableStack()
  logs.defer(() => keepLogs(world, options, `fleet-${n}`))
  const profiled = (name: string) => profile({ world, name, profiles: options.profiles, signal })
  const first = await world.repository.commit(Object.assign({}, ...APPS.map((name) => appFiles(name, 'first'))))
  await world.repository.push()
  const add = (figure: string, value: number, unit: Figure['unit'], detail?: string) =>
    figures.add({ figure, n, value, unit, ...(detail ? { detail } : {}) })
  await using scope = new AsyncDisposableStack()
  const began = nowMs()
  const objects = [gitRepository(world.repository.url, INTERVAL), ...APPS.map((name) => kustomization(name, INTERVAL))]
  const simulated = await joinAll(world, { names: clusterNames(n), objects: () => objects, scope, signal })
  add('fleet.join', (nowMs() - began) / 1000, 's', `${JOIN_AT_ONCE} at once`)

  const atFirst = later(simulated.arrived({ source: SOURCE, revision: first, count: n }, patience(signal)))
  const connecting = nowMs()
  {
    await using _ = await profiled('fleet-connect')
    add('fleet.connect', await connectAll(simulated.agents, signal), 's')
  }
  add(
    'fleet.first',
    (middle(await atFirst).all - connecting) / 1000,
    's',
    'from the begin of connecting; the hub fetches and builds meanwhile',
  )
  await systemClock.sleep(5_000, signal)

  {
    await using _ = await profiled('fleet-commit')
    await commit({ world, simulated, add, signal })
  }
  await reconnect(simulated, add, signal)
  await idle(world, add, signal)
  const { rss, peak, tree } = memoryOf(world.hubPid())
  add(
    'fleet.memory.hub',
    Math.round(rss / MIB),
    'MiB',
    `peak ${Math.round(peak / MIB)} MiB, with its children ${Math.round(tree / MIB)} MiB`,
  )
}

type Add = (figure: string, value: number, unit: Figure['unit'], detail?: string) => void

interface CommitInput {
  readonly world: HubWorld
  readonly simulated: SimulatedFleet
  readonly add: Add
  readonly signal: AbortSignal
}

async function commit({ world, simulated: { agents, arrived }, add, signal }: CommitInput): Promise<void> {
  const revision = await world.repository.commit(configMapFile(APPS[0] ?? '', 'second'))
  const hubBefore = cpuSeconds(world.hubPid())
  const ownBefore = process.cpuUsage()
  const here = later(arrived({ source: SOURCE, revision, count: agents.length }, patience(signal)))
  await world.repository.push()
  const pushed = nowMs()
  agents[0]?.request(SOURCE)
  const { first, half, all } = middle(await here)
  add('fleet.commit.half', (half - pushed) / 1000, 's', `the first one after ${((first - pushed) / 1000).toFixed(2)} s`)
  add('fleet.commit.bundle', (all - pushed) / 1000, 's')
  await systemClock.sleep(2_000, signal)
  const { user, system } = process.cpuUsage(ownBefore)
  add('fleet.commit.cpu.hub', cpuSeconds(world.hubPid()) - hubBefore, 'CPU s', 'until 2 s after the last agent')
  add('fleet.commit.cpu.simulator', (user + system) / 1e6, 'CPU s')
  const told = await untilTold(world, { revision, count: agents.length * APPS.length, signal: patience(signal) })
  add('fleet.commit.told', (told - pushed) / 1000, 's', 'first looked at 2 s after the last agent had it')
}

/** Asks the hub for all Kustomizations of all clusters until each is at the revision. */
async function untilTold(
  world: HubWorld,
  o: { readonly revision: string; readonly count: number; readonly signal: AbortSignal },
): Promise<number> {
  for (;;) {
    const text = await world.api.get(`/clusters/-/apis/${KUSTOMIZE_GROUP}/v1/kustomizations`, o.signal)
    const { items }: { items: readonly Manifest[] } = JSON.parse(text)
    const at = items.filter(({ status }) => (status as { lastAppliedRevision?: string } | undefined)?.lastAppliedRevision === o.revision)
    if (at.length >= o.count) return nowMs()
    await systemClock.sleep(500, o.signal)
  }
}

async function reconnect({ agents }: SimulatedFleet, add: Add, signal: AbortSignal): Promise<void> {
  await Promise.all(agents.map((agent) => agent.disconnect()))
  add('fleet.reconnect', await connectAll(agents, signal), 's', 'with what they hold, so that nothing is sent again')
}

async function idle(world: HubWorld, add: Add, signal: AbortSignal): Promise<void> {
  await systemClock.sleep(5_000, signal)
  const before = cpuSeconds(world.hubPid())
  await systemClock.sleep(IDLE_MS, signal)
  add('fleet.idle.cpu.hub', cpuSeconds(world.hubPid()) - before, 'CPU s', 'heartbeats of all agents')
}
