import type { Sql } from '../../db/db.ts'
import { prepared } from '../../db/prepared.ts'
import type { ClusterFacts, Content, Run, SourceObject, Target } from '../model.ts'
import { currentWave } from '../step/walk.ts'
import { type Judged, judge } from '../turn/health.ts'
import { type Holding, type HoldingsOf, type Member, readHoldings, readMembers } from './governed.ts'
import { look } from './look.ts'

/** What clusters had before the runs that gave them one of the revisions that are not wanted there. */
const EARLIER = prepared(`
  select distinct on (x.rollout, x.cluster) x.rollout, x.cluster, t.before_revision as revision, t.before_artifact as artifact
  from jsonb_to_recordset($1::jsonb) as x(rollout text, cluster text, unwanted jsonb)
  join rollout_targets t on t.cluster_id = x.cluster
  join rollouts o on o.uid = x.rollout
  join rollout_runs r on r.id = t.run and r.rollout = x.rollout and r.number > coalesce((o.moves ->> 'since')::int, 0)
  where t.before_revision is not null and not x.unwanted ? t.before_revision
  order by x.rollout, x.cluster, r.number desc`)

export interface FactsOf {
  readonly rollout: string
  readonly source: SourceObject
  /** Clusters that it gave its content are looked at. */
  readonly run: Run | undefined
  /** Clusters that something was heard of; the others are as they were. Undefined asks of every cluster. */
  readonly heard: ReadonlySet<string> | undefined
  readonly bad: ReadonlySet<string>
  readonly now: Date
  /** How long nobody has been awake since the run was looked at. */
  readonly asleepMs: number
}

/** The clusters of a Rollout: those that are as they were, and those that are asked about. */
interface Governed {
  readonly of: FactsOf
  readonly silent: readonly (Member & { readonly target: Target })[]
  readonly asked: readonly (Member & { readonly target: Target | undefined })[]
}

/** One that is asked about, and has the source object. */
type Found = Governed['asked'][number] & { readonly holding: Holding }

/** The clusters of Rollouts as they are now, for decisions about their runs: a few statements, however many they are. */
export async function readFacts(tx: Sql, all: readonly FactsOf[]): Promise<readonly (readonly ClusterFacts[])[]> {
  const members = await readMembers(
    tx,
    all.map(({ rollout }) => rollout),
  )
  const governed = all.map((of) => divide(of, members.get(of.rollout) ?? []))
  const holdings = await readHoldings(tx, governed.map(holdingsOf))
  const found = governed.map(({ asked }, at) =>
    asked.flatMap((one) => {
      const holding = holdings[at]?.get(one.cluster)
      return holding ? [{ ...one, holding }] : []
    }),
  )
  const looked = await look(
    tx,
    all.map(({ run, source }, at) => ({ source, clusters: (found[at] ?? []).filter(isGiven), revision: run?.content.revision ?? '' })),
  )
  const earlier = await readEarlier(tx, all, found)
  return governed.map(({ of, silent }, at) => [
    ...silent.map((one) => asBefore(of, one)),
    ...(found[at] ?? []).map((one): ClusterFacts => {
      const { cluster, holding } = one
      const seen = looked[at]?.get(cluster)
      const key = `${of.rollout} ${cluster}`
      return {
        cluster,
        name: holding.name,
        labels: holding.labels,
        ...healthOf(one, seen && judge(seen)),
        before: earlier.has(key) ? earlier.get(key) : (holding.has ?? undefined),
        acked: holding.acked ?? undefined,
        watchedMs: watchedMs(of, one),
      }
    }),
  ])
}

/** A cluster that is connected, and of which nothing was heard since the last look, is as it was then. */
function divide(of: FactsOf, members: readonly Member[]): Governed {
  const { heard, run } = of
  const silent: (Member & { readonly target: Target })[] = []
  const asked: (Member & { readonly target: Target | undefined })[] = []
  const wave = run ? currentWave(run) : 0
  for (const member of members) {
    const target = run?.targets.get(member.cluster)
    const isSilent = heard !== undefined && !heard.has(member.cluster) && member.liveMs !== null
    if (target && isSilent && isKnown(target, wave)) silent.push({ ...member, target })
    else asked.push({ ...member, target })
  }
  return { of, silent, asked }
}

/**
 * Not of one that is to have something now, or that was away. Who is on the way back may have there already what it goes
 * back to: nothing would be heard of that.
 */
function isKnown({ given, state, wave }: Target, current: number): boolean {
  if (state === 'waiting') return wave > current
  return state === 'rolled-back' || (given !== 'before' && state !== 'offline' && state !== 'gone')
}

function holdingsOf({ asked, of: { source } }: Governed): HoldingsOf {
  const clusters = asked.map(({ cluster, target }) => ({ cluster, hasWave: target !== undefined, mayBeGiven: mayBeGiven(target) }))
  return { source, clusters }
}

const isGiven = ({ target }: Found): boolean => target?.given === 'content'

const AS_BEFORE = {
  healthy: 'healthy',
  released: 'progressing',
  failed: 'failed',
} as const satisfies Partial<Record<Target['state'], ClusterFacts['health']>>

/** It has its wave, and its content or nothing yet: all that is new is how long it was watched. */
function asBefore(of: FactsOf, member: Member & { readonly target: Target }): ClusterFacts {
  const { cluster, complaint, name, state } = member.target
  const health = state in AS_BEFORE ? AS_BEFORE[state as keyof typeof AS_BEFORE] : 'unknown'
  return { cluster, name, labels: {}, health, complaint, watchedMs: watchedMs(of, member) }
}

function watchedMs({ asleepMs, now, run }: FactsOf, { liveMs }: Member): number {
  const sinceMs = run?.lookedAt ? Math.max(0, now.getTime() - run.lookedAt.getTime() - asleepMs) : 0
  return liveMs === null ? 0 : Math.min(sinceMs, liveMs)
}

function healthOf({ holding, liveMs }: Found, judged: Judged | undefined): Pick<ClusterFacts, 'health' | 'complaint'> {
  if (!judged) return { health: liveMs === null || holding.suspended ? 'offline' : 'unknown' }
  const { health, message, object, reason } = judged
  if (health === 'healthy') return { health }
  return { health, complaint: { object, reason, message } }
}

/** What the others go back to is in their target. */
function mayBeGiven(target: Target | undefined): boolean {
  return target === undefined || target.given === 'nothing' || target.state === 'gone'
}

/** Of clusters that have what they must not go back to: what they had before that, by Rollout and cluster; undefined where that is not known. */
async function readEarlier(
  tx: Sql,
  all: readonly FactsOf[],
  found: readonly (readonly Found[])[],
): Promise<ReadonlyMap<string, Content | undefined>> {
  const asked = all.flatMap(({ bad, rollout, run }, at) => {
    const unwanted = [...(run ? [run.content.revision] : []), ...bad]
    const holders = (found[at] ?? []).filter(({ holding: { has } }) => has && unwanted.includes(has.revision))
    return holders.map(({ cluster }) => ({ rollout, cluster, unwanted }))
  })
  if (asked.length === 0) return new Map()
  const { rows } = await tx.query<{ rollout: string; cluster: string } & Content>(EARLIER, [JSON.stringify(asked)])
  const known = new Map(rows.map(({ artifact, cluster, revision, rollout }) => [`${rollout} ${cluster}`, { revision, artifact }]))
  return new Map(asked.map(({ cluster, rollout }) => [`${rollout} ${cluster}`, known.get(`${rollout} ${cluster}`)]))
}
