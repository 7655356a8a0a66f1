import type { ClusterId } from '../../../proto/model/ids.ts'
import { FLEET_GROUP } from '../../../proto/model/names.ts'
import { PARTITIONS } from '../../../proto/model/subjects.ts'
import type { Sql } from '../../db/db.ts'
import { prepared } from '../../db/prepared.ts'
import type { ClusterFacts, Content, Run, SourceObject } from '../model.ts'
import { type Judged, judge, type Looked } from '../turn/health.ts'
import { PLACED_IS_ACKED, PLACEMENT_HOLDERS } from './keys.ts'
import { look } from './look.ts'

interface GovernedRow {
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
  select g.cluster_id as cluster, c.name, coalesce(o.labels, '{}') as labels,
         case when gr.cluster_id is not null then jsonb_build_object('revision', gr.revision, 'artifact', gr.artifact)
              when ${revision} is not null then jsonb_build_object('revision', ${revision}, 'artifact', ${artifact}) end as has,
         ${acked} as acked,
         case when s.closed_at is null and rp.id is not null and pl.partition is not null
              then greatest(0, extract(epoch from now() - s.connected_at) * 1000)::float8 end as live_ms
  from governed g
  join clusters c on c.id = g.cluster_id
  ${joins}
  left join objects o on o.scope = 'fleet' and o.grp = '${FLEET_GROUP}' and o.kind = 'Cluster' and o.namespace = '' and o.name = c.name
  left join grants gr on ${SOURCE('gr')}
  left join cluster_heads h on h.cluster_id = g.cluster_id
  left join sessions s on s.cluster_id = g.cluster_id
  left join replicas rp on rp.id = s.replica and rp.lease_until > now()
  left join partition_leases pl on pl.partition = ('x' || right(g.cluster_id, 4))::bit(16)::int % $2 and pl.lease_until > now()
  where g.rollout = $1 and not g.apart
  order by c.name`
const SOURCES_GOVERNED = prepared(GOVERNED(OF_SOURCE))
const PLACEMENTS_GOVERNED = prepared(GOVERNED(OF_PLACEMENT))

/** What a cluster had before the runs that gave it one of these revisions ($3). */
const EARLIER = `
  select distinct on (t.cluster_id) t.cluster_id, t.before_revision as revision, t.before_artifact as artifact
  from rollout_targets t join rollout_runs r on r.id = t.run and r.rollout = $1
  where t.cluster_id = any($2::text[]) and t.before_revision is not null and t.before_revision <> all($3::text[])
  order by t.cluster_id, r.number desc`

export interface FactsOf {
  readonly rollout: string
  readonly source: SourceObject
  /** Clusters that it gave its content are looked at. */
  readonly run: Run | undefined
  readonly bad: ReadonlySet<string>
  readonly now: Date
  /** How long nobody has been awake since the run was looked at. */
  readonly asleepMs: number
}

/** The clusters of a Rollout as they are now, for a decision about its run: three statements, however many they are. */
export async function readFacts(tx: Sql, { asleepMs, bad, now, rollout, run, source }: FactsOf): Promise<readonly ClusterFacts[]> {
  const { rows } = await tx.query<GovernedRow>(source.kind === 'Placement' ? PLACEMENTS_GOVERNED : SOURCES_GOVERNED, [rollout, PARTITIONS])
  const given = rows.filter(({ cluster }) => run?.targets.get(cluster)?.given === 'content').map(({ cluster }) => cluster)
  const looked = run ? await look(tx, source, { clusters: given, revision: run.content.revision }) : new Map<string, Looked>()
  const earlier = await earlierOf(tx, rows, { rollout, unwanted: [...(run ? [run.content.revision] : []), ...bad] })
  const sinceMs = run?.lookedAt ? Math.max(0, now.getTime() - run.lookedAt.getTime() - asleepMs) : 0
  return rows.map((row) => {
    const seen = looked.get(row.cluster)
    return {
      cluster: row.cluster,
      name: row.name,
      labels: row.labels,
      ...healthOf(row, seen && judge(seen)),
      before: earlier.has(row.cluster) ? earlier.get(row.cluster) : (row.has ?? undefined),
      acked: row.acked ?? undefined,
      watchedMs: row.live_ms === null ? 0 : Math.min(sinceMs, row.live_ms),
    }
  })
}

function healthOf({ live_ms }: GovernedRow, judged: Judged | undefined): Pick<ClusterFacts, 'health' | 'complaint'> {
  if (!judged) return { health: live_ms === null ? 'offline' : 'unknown' }
  const { health, message, object, reason } = judged
  if (health === 'healthy') return { health }
  return { health: health === 'gone' ? 'offline' : health, complaint: { object, reason, message } }
}

/** Of clusters that have what they must not go back to: what they had before that; nothing where that is not known. */
async function earlierOf(
  tx: Sql,
  rows: readonly GovernedRow[],
  { rollout, unwanted }: { readonly rollout: string; readonly unwanted: readonly string[] },
): Promise<ReadonlyMap<string, Content | undefined>> {
  const clusters = rows.filter(({ has }) => has && unwanted.includes(has.revision)).map(({ cluster }) => cluster)
  if (clusters.length === 0) return new Map()
  const found = await tx.query<{ cluster_id: string } & Content>(EARLIER, [rollout, clusters, unwanted])
  const known = new Map(found.rows.map(({ artifact, cluster_id, revision }) => [cluster_id, { revision, artifact }]))
  return new Map(clusters.map((cluster) => [cluster, known.get(cluster)]))
}
