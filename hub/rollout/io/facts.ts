import type { ClusterId } from '../../../proto/model/ids.ts'
import { FLEET_GROUP } from '../../../proto/model/names.ts'
import { PARTITIONS } from '../../../proto/model/subjects.ts'
import type { Sql } from '../../db/db.ts'
import { prepared } from '../../db/prepared.ts'
import type { ClusterFacts, Content, Run, SourceObject } from '../model.ts'
import { type Judged, judge, type LookAt, type Looked } from '../turn/health.ts'
import { ONE, PLACED_IS_ACKED, PLACEMENT_HOLDERS } from './keys.ts'
import { look } from './look.ts'

interface GovernedRow {
  readonly rollout: string
  readonly cluster: ClusterId
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly has: Content | null
  readonly acked: string | null
  /** Milliseconds that its session has been live and its reports were folded; null while either is not so. */
  readonly live_ms: number | null
}

const SOURCE = (table: string) =>
  `${table}.cluster_id = g.cluster_id and ${table}.source_kind = g.source_kind and ${table}.source_namespace = g.source_namespace and ${table}.source_name = g.source_name`

/** What holds the source object, what the cluster has of it, and what its agent has taken. */
interface Held {
  readonly joins: string
  /** Revision and artifact. */
  readonly has: readonly [string, string]
  readonly acked: string
}

const OF_SOURCE: Held = {
  joins: `join source_objects so on so.cluster_id = g.cluster_id and so.kind = g.source_kind and so.namespace = g.source_namespace and so.name = g.source_name
  left join releases r on ${SOURCE('r')}`,
  has: ['r.revision', 'r.artifact'],
  acked: 'case when r.position <= h.acked then r.revision end',
}

const OF_PLACEMENT: Held = {
  joins: `join (${PLACEMENT_HOLDERS}) r on r.cluster_id = g.cluster_id and r.kind = g.source_kind and r.namespace = g.source_namespace and r.name = g.source_name`,
  has: ['r.revision', "''"],
  acked: `case when ${PLACED_IS_ACKED('r')} then r.revision end`,
}

const GOVERNED = ({ acked, has: [revision, artifact], joins }: Held) => `
  select g.rollout, g.cluster_id as cluster, c.name, coalesce(o.labels, '{}') as labels,
         case when gr.cluster_id is not null then jsonb_build_object('revision', gr.revision, 'artifact', gr.artifact)
              when ${revision} is not null then jsonb_build_object('revision', ${revision}, 'artifact', ${artifact}) end as has,
         ${acked} as acked,
         case when s.closed_at is null and rp.id is not null and pl.partition is not null
              then greatest(0, extract(epoch from now() - s.connected_at) * 1000)::float8 end as live_ms
  from governed g
  join clusters c on c.id = g.cluster_id
  ${joins}
  left join ${ONE('objects', 'o', `o.scope = 'fleet' and o.grp = '${FLEET_GROUP}' and o.kind = 'Cluster' and o.namespace = '' and o.name = c.name`)} on true
  left join grants gr on ${SOURCE('gr')}
  left join cluster_heads h on h.cluster_id = g.cluster_id
  left join sessions s on s.cluster_id = g.cluster_id
  left join replicas rp on rp.id = s.replica and rp.lease_until > now()
  left join partition_leases pl on pl.partition = ('x' || right(g.cluster_id, 4))::bit(16)::int % $2 and pl.lease_until > now()
  where g.rollout = any($1::text[]) and not g.apart
  order by g.rollout, c.name`
export const SOURCES_GOVERNED = prepared(GOVERNED(OF_SOURCE))
const PLACEMENTS_GOVERNED = prepared(GOVERNED(OF_PLACEMENT))

/** What clusters had before the runs that gave them one of the revisions that are not wanted there. */
const EARLIER = `
  select distinct on (x.rollout, x.cluster) x.rollout, x.cluster, t.before_revision as revision, t.before_artifact as artifact
  from jsonb_to_recordset($1::jsonb) as x(rollout text, cluster text, unwanted jsonb)
  join rollout_targets t on t.cluster_id = x.cluster
  join rollout_runs r on r.id = t.run and r.rollout = x.rollout
  where t.before_revision is not null and not x.unwanted ? t.before_revision
  order by x.rollout, x.cluster, r.number desc`

export interface FactsOf {
  readonly rollout: string
  readonly source: SourceObject
  /** Clusters that it gave its content are looked at. */
  readonly run: Run | undefined
  /** Clusters that something was heard of; of all others that were healthy nothing is asked. Undefined asks of every cluster. */
  readonly heard: ReadonlySet<string> | undefined
  readonly bad: ReadonlySet<string>
  readonly now: Date
  /** How long nobody has been awake since the run was looked at. */
  readonly asleepMs: number
}

interface Governed {
  readonly of: FactsOf
  readonly rows: readonly GovernedRow[]
}

/** The clusters of Rollouts as they are now, for decisions about their runs: a few statements, however many they are. */
export async function readFacts(tx: Sql, all: readonly FactsOf[]): Promise<readonly (readonly ClusterFacts[])[]> {
  const governed = await readGoverned(tx, all)
  const looked = await look(tx, governed.map(lookedAt))
  const earlier = await readEarlier(tx, governed)
  return governed.map(({ of, rows }, index) => {
    const found = looked[index] ?? new Map<string, Looked>()
    return rows.map((row) => {
      const seen = found.get(row.cluster)
      const key = `${of.rollout} ${row.cluster}`
      return {
        cluster: row.cluster,
        name: row.name,
        labels: row.labels,
        ...(isAsBefore(of, row) ? { health: 'healthy' as const } : healthOf(row, seen && judge(seen))),
        before: earlier.has(key) ? earlier.get(key) : (row.has ?? undefined),
        acked: row.acked ?? undefined,
        watchedMs: row.live_ms === null ? 0 : Math.min(sinceMs(of), row.live_ms),
      }
    })
  })
}

async function readGoverned(tx: Sql, all: readonly FactsOf[]): Promise<readonly Governed[]> {
  const ask = async (text: string, of: readonly FactsOf[]) =>
    of.length === 0 ? [] : (await tx.query<GovernedRow>(text, [of.map(({ rollout }) => rollout), PARTITIONS])).rows
  const isPlaced = ({ source }: FactsOf) => source.kind === 'Placement'
  const rows = [
    ...(await ask(
      PLACEMENTS_GOVERNED,
      all.filter((of) => isPlaced(of)),
    )),
    ...(await ask(
      SOURCES_GOVERNED,
      all.filter((of) => !isPlaced(of)),
    )),
  ]
  const byRollout = Map.groupBy(rows, ({ rollout }) => rollout)
  return all.map((of) => ({ of, rows: byRollout.get(of.rollout) ?? [] }))
}

/** Clusters that the run gave its content, but those of which it knows how they do. */
function lookedAt({ of, rows }: Governed): LookAt {
  const { run, source } = of
  const given = rows.filter((row) => run?.targets.get(row.cluster)?.given === 'content' && !isAsBefore(of, row))
  return { source, clusters: given.map(({ cluster }) => cluster), revision: run?.content.revision ?? '' }
}

/** It was healthy, is connected, and nothing was heard of it since. */
function isAsBefore({ heard, run }: FactsOf, { cluster, live_ms }: GovernedRow): boolean {
  return heard !== undefined && !heard.has(cluster) && live_ms !== null && run?.targets.get(cluster)?.state === 'healthy'
}

function sinceMs({ asleepMs, now, run }: FactsOf): number {
  return run?.lookedAt ? Math.max(0, now.getTime() - run.lookedAt.getTime() - asleepMs) : 0
}

function healthOf({ live_ms }: GovernedRow, judged: Judged | undefined): Pick<ClusterFacts, 'health' | 'complaint'> {
  if (!judged) return { health: live_ms === null ? 'offline' : 'unknown' }
  const { health, message, object, reason } = judged
  if (health === 'healthy') return { health }
  return { health: health === 'gone' ? 'offline' : health, complaint: { object, reason, message } }
}

/** Of clusters that have what they must not go back to: what they had before that, by Rollout and cluster; undefined where that is not known. */
async function readEarlier(tx: Sql, all: readonly Governed[]): Promise<ReadonlyMap<string, Content | undefined>> {
  const asked = all.flatMap(({ of: { bad, rollout, run }, rows }) => {
    const unwanted = [...(run ? [run.content.revision] : []), ...bad]
    return rows.filter(({ has }) => has && unwanted.includes(has.revision)).map(({ cluster }) => ({ rollout, cluster, unwanted }))
  })
  if (asked.length === 0) return new Map()
  const { rows } = await tx.query<{ rollout: string; cluster: string } & Content>(EARLIER, [JSON.stringify(asked)])
  const known = new Map(rows.map(({ artifact, cluster, revision, rollout }) => [`${rollout} ${cluster}`, { revision, artifact }]))
  return new Map(asked.map(({ cluster, rollout }) => [`${rollout} ${cluster}`, known.get(`${rollout} ${cluster}`)]))
}
