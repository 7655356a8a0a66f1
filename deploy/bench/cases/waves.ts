import { appName, configMapFile, gitRepository, kustomization, sourceKey } from '../bed/workload.ts'
import { quantile } from '../measure/timing.ts'
import { type AtScale, fleetObject, openAtScale, type Scene, SIMULATED, settled, untilCount } from './at-scale.ts'
import type { Bench } from './bench.ts'

const INTERVAL = '10m'
const HALF = { maxConcurrent: '50%', soak: '0s' }
const WAVES = [
  { name: 'first', max: '20%', ...HALF },
  { name: 'second', max: '30%', ...HALF },
  { name: 'third', rest: true, ...HALF },
]
const teamName = (index: number): string => `team-${String(index).padStart(3, '0')}`

/** Three waves of 20, 30 and 50 % of the clusters, half of a wave at once, no soak: one run at a time, then many at once. */
export async function waves(bench: Pick<Bench, 'options' | 'figures' | 'signal'>): Promise<void> {
  const { clusters, runs, tries } = bench.options
  bench.figures.note(
    `waves: ${clusters} clusters with ${runs} GitRepositories each, every one a branch of its own with a Kustomization and a Rollout; ${SIMULATED}`,
  )
  const teams = Array.from({ length: runs }, (_, index) => teamName(index))
  await using scope = new AsyncDisposableStack()
  const scale = await openAtScale(bench, { scene: sceneOf(clusters, teams), scope })
  await untilCount(scale, { query: 'select count(*) from reached where ready > 0', count: clusters * runs })
  for (const team of teams) {
    const spec = { source: { kind: 'GitRepository', name: team }, waves: WAVES }
    await scale.world.api.create('rollouts', fleetObject('Rollout', team, spec), scale.signal)
  }
  await untilCount(scale, { query: 'select count(*) from rollouts where seen is not null', count: runs })
  await settled(scale.signal)
  const one = teams.slice(0, 1)
  const alone = await scale.measured('waves.one', () => run(scale, { teams: one, value: 'alone 0' }))
  for (let index = 1; index < tries; index++) {
    await settled(scale.signal)
    alone.push(...(await run(scale, { teams: one, value: `alone ${index}` })))
  }
  addRuns(scale, 'waves.one', alone)
  await settled(scale.signal)
  addRuns(scale, 'waves.many', await scale.measured('waves.many', () => run(scale, { teams, value: 'together' })))
}

function sceneOf(clusters: number, teams: readonly string[]): Scene {
  return {
    ...{ name: 'waves', n: clusters, clusters, apps: teams.length, branches: teams },
    objects: (url) =>
      teams.flatMap((team, index) => [
        gitRepository(url, INTERVAL, { name: team, branch: team }),
        kustomization(appName(index), INTERVAL, team),
      ]),
  }
}

/** Seconds of a run from its start, and from the push, to its end. */
interface Ran {
  readonly ran: number
  readonly pushed: number
}

/** One commit for all of the teams, and their runs until the last one has ended. */
async function run(scale: AtScale, { teams, value }: { readonly teams: readonly string[]; readonly value: string }): Promise<Ran[]> {
  const { database, simulated, world } = scale
  await world.repository.commit(Object.assign({}, ...teams.map((_, index) => configMapFile(appName(index), value))))
  const revisionOf = await world.repository.pushTo(teams)
  const pushed = Date.now()
  for (const [index, team] of teams.entries()) simulated.agents[index % simulated.agents.length]?.request(sourceKey(team))
  const values = [teams.map(revisionOf)]
  const query = `select count(*) from rollout_runs where revision = any($1::text[]) and state = 'succeeded'`
  await untilCount(scale, { query, values, count: teams.length })
  const rows = await database.query<{ readonly started_at: Date; readonly ended_at: Date }>(
    'select started_at, ended_at from rollout_runs where revision = any($1::text[])',
    values,
  )
  return rows.map(({ ended_at, started_at }) => ({
    ran: (ended_at.getTime() - started_at.getTime()) / 1000,
    pushed: (ended_at.getTime() - pushed) / 1000,
  }))
}

function addRuns(scale: AtScale, name: string, runs: readonly Ran[]): void {
  const of = (what: keyof Ran, share: number) =>
    quantile(
      runs.map((one) => one[what]),
      share,
    )
  for (const [words, share] of [
    ['p50', 0.5],
    ['p90', 0.9],
    ['max', 1],
  ] as const)
    scale.add(`${name}.${words}`, of('ran', share), 's', `${runs.length} runs; from the push ${of('pushed', share).toFixed(2)} s`)
}
