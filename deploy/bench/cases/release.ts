import { appName, configMapFile, gitRepository, kustomization, sourceKey } from '../bed/workload.ts'
import { nowMs, quantile } from '../measure/timing.ts'
import { type AtScale, fleetObject, openAtScale, type Scene, SIMULATED, settled, untilCount, untilReached } from './at-scale.ts'
import type { Bench } from './bench.ts'

const INTERVAL = '10m'
const [BASE, TEAM] = ['base', 'team']
const TEAM_APP = appName(0)
const ONE_WAVE = { source: { kind: 'GitRepository', name: TEAM }, waves: [{ name: 'all', rest: true, maxConcurrent: '100%' }] }

/** Many connected clusters, and a commit that concerns some of them: until the last one's report is folded. */
export async function release(bench: Pick<Bench, 'options' | 'figures' | 'signal'>): Promise<void> {
  const { agents, concerned, tries } = bench.options
  bench.figures.note(`release: ${agents} connected clusters, a commit that concerns ${concerned} of them; ${SIMULATED}`)
  await using scope = new AsyncDisposableStack()
  const scale = await openAtScale(bench, { scene: sceneOf(agents, concerned), scope })
  await untilCount(scale, { query: 'select count(*) from reached', count: agents + concerned })
  await settled(scale.signal)
  const commit = (value: string) => push(scale, { value, concerned })
  await tryOften(scale, { name: 'release', tries, commit })
  await scale.world.api.create('rollouts', fleetObject('Rollout', TEAM, ONE_WAVE), scale.signal)
  await untilCount(scale, { query: 'select count(*) from governed', count: concerned })
  await settled(scale.signal)
  await tryOften(scale, { name: 'release.wave', tries, commit })
}

/** Every cluster has a source of two Kustomizations; those that the commit is for have one more, with a source of its own. */
function sceneOf(agents: number, concerned: number): Scene {
  return {
    ...{ name: 'release', n: agents, clusters: agents, apps: 3, branches: [BASE, TEAM] },
    objects: (url, index) => [
      gitRepository(url, INTERVAL, { name: BASE, branch: BASE }),
      ...[appName(1), appName(2)].map((name) => kustomization(name, INTERVAL, BASE)),
      ...(index < concerned ? [gitRepository(url, INTERVAL, { name: TEAM, branch: TEAM }), kustomization(TEAM_APP, INTERVAL, TEAM)] : []),
    ],
  }
}

interface Tries {
  readonly name: string
  readonly tries: number
  readonly commit: (value: string) => Promise<Released>
}

async function tryOften(scale: AtScale, { commit, name, tries }: Tries): Promise<void> {
  const first = await scale.measured(name, () => commit(`${name} 0`))
  const released = [first]
  for (let index = 1; index < tries; index++) {
    await settled(scale.signal)
    released.push(await commit(`${name} ${index}`))
  }
  const p90 = quantile(
    released.flatMap(({ clusters }) => clusters),
    0.9,
  )
  scale.addTries(
    `${name}.all`,
    released.map(({ all }) => all),
    `of ${tries} commits; p90 of clusters ${p90.toFixed(2)} s`,
  )
}

/** Seconds since the push. */
interface Released {
  readonly all: number
  readonly clusters: readonly number[]
}

async function push(scale: AtScale, { concerned, value }: { readonly value: string; readonly concerned: number }): Promise<Released> {
  const { database, simulated, world } = scale
  await world.repository.commit(configMapFile(TEAM_APP, value))
  const revision = (await world.repository.pushTo([TEAM]))(TEAM)
  const [pushed, pushedAt] = [nowMs(), Date.now()]
  simulated.agents[0]?.request(sourceKey(TEAM))
  await untilReached(scale, { revision, count: concerned })
  const all = (nowMs() - pushed) / 1000
  const rows = await database.query<{ readonly at: Date }>('select at from reached where revision = $1', [revision])
  return { all, clusters: rows.map(({ at }) => (at.getTime() - pushedAt) / 1000) }
}
