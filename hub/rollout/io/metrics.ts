import { Counter, Histogram, type Registry } from 'prom-client'
import type { Sql } from '../../db/db.ts'
import { type StateCounts, stateGauge } from '../../db/state-gauge.ts'
import type { Look } from '../turn/look.ts'

const SECONDS = [1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600]

const RUNS = 'select n.state, count(*)::int as count from rollouts r join rollout_runs n on n.id = r.run group by 1'
const TARGETS = `
  select t.state, count(*)::int as count from rollouts r join rollout_runs n on n.id = r.run and n.ended_at is null
  join rollout_targets t on t.run = n.id group by 1`

/** Counts what happens in runs; how many runs and clusters are in which state is read when somebody asks. */
export function openRolloutMetrics(registry: Registry, sql: Sql): (look: Look) => void {
  const registers = [registry]
  const events = new Counter({
    name: 'flotilla_rollout_events_total',
    help: 'What happened in runs of Rollouts, by event; a failure once for each cluster.',
    labelNames: ['event'],
    registers,
  })
  const waves = new Histogram({
    name: 'flotilla_rollout_wave_duration_seconds',
    help: 'From the first release of a wave until it was complete.',
    buckets: SECONDS,
    registers,
  })
  stateGauge(registry, {
    name: 'flotilla_rollout_runs',
    help: 'The present or last run of every Rollout, by state.',
    read: () => counts(sql, RUNS),
  })
  stateGauge(registry, {
    name: 'flotilla_rollout_clusters',
    help: 'Clusters of runs in progress, by state.',
    read: () => counts(sql, TARGETS),
  })
  const count = ({ run, steps }: Pick<Look, 'run' | 'steps'>) => {
    for (const step of steps) {
      if (step.kind !== 'record') continue
      events.inc({ event: step.event }, step.count ?? 1)
      if (step.event !== 'rollout.wave.completed') continue
      const wave = run?.waves.find(({ plan }) => plan.name === step.wave)
      if (wave?.startedAt && wave.completedAt) waves.observe((wave.completedAt.getTime() - wave.startedAt.getTime()) / 1000)
    }
  }
  return (look) => {
    if (look.ended) count(look.ended)
    count(look)
  }
}

async function counts(sql: Sql, text: string): Promise<StateCounts> {
  return (await sql.query<{ state: string; count: number }>(text)).rows
}
