import { appFiles, appName, configMapFile, gitRepository, kustomization, SOURCE_NAME, sourceKey } from '../bed/workload.ts'
import { hubIsReady } from '../bed/world.ts'
import { eachAtOnce, later, nowMs } from '../measure/timing.ts'
import { patience, untilLive } from '../simulated/fleet.ts'
import { type AtScale, fleetObject, openAtScale, SIMULATED, settled, untilCount, untilReached } from './at-scale.ts'
import type { Bench } from './bench.ts'

const INTERVAL = '10m'
const EVERYWHERE = { all: true }
const CREATED_AT_ONCE = 4

/** Many Placements in every cluster; the hub is killed and started, and a commit that all of them consume is to be reported by all. */
export async function restart(bench: Pick<Bench, 'options' | 'figures' | 'signal'>): Promise<void> {
  const { clusters, placements } = bench.options
  bench.figures.note(
    `restart: ${placements} Placements of a Kustomization each in ${clusters} clusters, and one more of the GitRepository that they consume; ${SIMULATED}`,
  )
  await using scope = new AsyncDisposableStack()
  const n = clusters * placements
  const scene = { name: 'restart', n, clusters, apps: placements, branches: [], objects: () => [] }
  const scale = await openAtScale(bench, { scene, scope })
  await scale.measured('restart.placed', () => place(scale, bench.options))
  await settled(scale.signal)
  const commit = (files: Readonly<Record<string, string>>) => () => push(scale, { files, ...bench.options })
  scale.add('restart.present', await scale.measured('restart.present', commit(configMapFile(appName(0), 'present'))), 's')
  await settled(scale.signal)
  await scale.measured('restart', () => killAndPush(scale, bench.options), { fresh: true })
  await settled(scale.signal)
  const every = Object.assign({}, ...Array.from({ length: placements }, (_, index) => appFiles(appName(index), 'every')))
  scale.add('restart.every', await scale.measured('restart.every', commit(every)), 's')
}

interface Pairs {
  readonly clusters: number
  readonly placements: number
}

/** Makes the Placements, and waits until every cluster has and reports what they give. */
async function place(scale: AtScale, { clusters, placements }: Pairs): Promise<void> {
  const { add, signal, world } = scale
  const began = nowMs()
  const create = (name: string, object: object) =>
    world.api.create('placements', fleetObject('Placement', name, { clusters: EVERYWHERE, objects: [object] }), signal)
  await create('source', gitRepository(world.repository.url, INTERVAL))
  const names = Array.from({ length: placements }, (_, index) => appName(index))
  await eachAtOnce(names, CREATED_AT_ONCE, (name) => create(name, kustomization(name, INTERVAL)))
  add('restart.created', (nowMs() - began) / 1000, 's', 'Placements made, one request each')
  await untilCount(scale, { query: `select count(*) from placed where state = 'placed'`, count: clusters * (placements + 1) })
  add('restart.placed', (nowMs() - began) / 1000, 's', 'every cluster said that it has everything')
  const query = 'select count(*) from reached where ready >= $1 and not_ready = 0'
  await untilCount(scale, { query, values: [placements], count: clusters })
  const ready = `select count(*) from observed where ready = 'True' and kind = 'Kustomization'`
  await untilCount(scale, { query: ready, count: clusters * placements })
  add('restart.ready', (nowMs() - began) / 1000, 's', 'every Kustomization is reported Ready')
}

/** Seconds from the push of a commit until all clusters have said that all of theirs is at it. */
async function push(
  scale: AtScale,
  { clusters, files, placements }: Pairs & { readonly files: Readonly<Record<string, string>> },
): Promise<number> {
  const { simulated, world } = scale
  const revision = await world.repository.commit(files)
  await world.repository.push()
  const pushed = nowMs()
  simulated.agents[0]?.request(sourceKey(SOURCE_NAME))
  await untilReached(scale, { revision, count: clusters, ready: placements })
  return (nowMs() - pushed) / 1000
}

/** The commit is pushed at once, while the hub is still starting. */
async function killAndPush(scale: AtScale, pairs: Pairs): Promise<void> {
  const { add, signal, simulated, world } = scale
  const began = nowMs()
  const since = () => (nowMs() - began) / 1000
  await world.stopHub({ signal, kill: true })
  await world.startHub()
  const reported = later(push(scale, { ...pairs, files: configMapFile(appName(0), 'restarted') }).then(since))
  await hubIsReady(world.dir, patience(signal))
  add('restart.up', since(), 's', 'from the kill')
  await untilLive(simulated.agents, patience(signal))
  add('restart.live', since(), 's', 'from the kill')
  add('restart.all', await reported, 's', 'from the kill; the commit is pushed while the hub starts')
}
