import type { ClusterId } from '../../../proto/model/ids.ts'
import { FLEET_GROUP } from '../../../proto/model/names.ts'
import { PARTITIONS } from '../../../proto/model/subjects.ts'
import type { Sql } from '../../db/db.ts'
import { prepared } from '../../db/prepared.ts'
import type { Content, SourceObject } from '../model.ts'
import { ONE, PLACED_IS_ACKED, PLACEMENT_HOLDERS } from './keys.ts'

/** A cluster that a Rollout governs. */
export interface Member {
  readonly cluster: ClusterId
  /** Milliseconds that its session has been live and its reports were folded; null while either is not so. */
  readonly liveMs: number | null
}

const GOVERNED = prepared(
  'select g.rollout, array_agg(g.cluster_id) as clusters from governed g where g.rollout = any($1::text[]) and not g.apart group by g.rollout',
)

const LIVE = prepared(`
  select p.cluster_id as cluster, greatest(0, extract(epoch from now() - s.connected_at) * 1000)::float8 as live_ms
  from unnest($1::text[]) as p (cluster_id)
  cross join ${ONE('sessions', 's', 's.cluster_id = p.cluster_id and s.closed_at is null')}
  join replicas rp on rp.id = s.replica and rp.lease_until > now()
  join partition_leases pl on pl.partition = ('x' || right(p.cluster_id, 4))::bit(16)::int % $2 and pl.lease_until > now()`)

/** The clusters that each of these Rollouts governs, by its uid. What many of them govern is asked about once. */
export async function readMembers(sql: Sql, rollouts: readonly string[]): Promise<ReadonlyMap<string, readonly Member[]>> {
  const { rows } = await sql.query<{ rollout: string; clusters: readonly ClusterId[] }>(GOVERNED, [rollouts])
  const clusters = [...new Set(rows.flatMap((row) => row.clusters))]
  const lives = await sql.query<{ cluster: ClusterId; live_ms: number }>(LIVE, [clusters, PARTITIONS])
  const liveMs = new Map(lives.rows.map((row) => [row.cluster, row.live_ms]))
  return new Map(rows.map((row) => [row.rollout, row.clusters.map((cluster) => ({ cluster, liveMs: liveMs.get(cluster) ?? null }))]))
}

/** What one cluster has of a source object. */
export interface Holding {
  readonly cluster: ClusterId
  readonly name: string
  /** Asked for where the cluster is to be given a wave. */
  readonly labels: Readonly<Record<string, string>>
  readonly suspended: boolean
  /** Why the source cannot be fetched or served. */
  readonly problem: string | null
  /** The revision of its Release. */
  readonly released: string | null
  /** The same, once its agent acknowledged that Release. */
  readonly acked: string | null
  /** Asked for where it may be given something: what it was granted, else what it was released. */
  readonly has: Content | null
}

/** Clusters of which it is asked what they have of a source object. */
export interface HoldingsOf {
  readonly source: SourceObject
  readonly clusters: readonly { readonly cluster: ClusterId; readonly hasWave: boolean; readonly mayBeGiven: boolean }[]
}

const HOLDS = (table: string, columns = ['source_kind', 'source_namespace', 'source_name']) =>
  ['cluster_id', ...columns].map((column, at) => `${table}.${column} = g.${['cluster_id', 'kind', 'namespace', 'name'][at]}`).join(' and ')

/** What holds the source object, how that is, what the cluster has of it, and what its agent has taken. */
interface Held {
  readonly joins: string
  readonly suspended: string
  readonly problem: string
  /** Revision and artifact. */
  readonly has: readonly [string, string]
  readonly isAcked: string
}

const OF_SOURCE: Held = {
  joins: `cross join ${ONE('source_objects', 'so', HOLDS('so', ['kind', 'namespace', 'name']))}
  left join sources src on src.key = so.source_key
  left join ${ONE('releases', 'r', HOLDS('r'))} on true`,
  suspended: 'so.suspended',
  problem: `coalesce(so.problem, src.problem) ->> 'message'`,
  has: ['r.revision', 'r.artifact'],
  isAcked: 'r.position <= h.acked',
}

const OF_PLACEMENT: Held = {
  joins: `join (${PLACEMENT_HOLDERS}) r on ${HOLDS('r', ['kind', 'namespace', 'name'])}`,
  suspended: 'false',
  problem: 'null',
  has: ['r.revision', "''"],
  isAcked: PLACED_IS_ACKED('r'),
}

const HOLDINGS = ({ has: [revision, artifact], isAcked, joins, problem, suspended }: Held) => `
  with g as materialized (
    select p.ask, p.cluster_id, p.has_wave, p.may_be_given, ($5::text[])[p.ask] as kind, ($6::text[])[p.ask] as namespace, ($7::text[])[p.ask] as name
    from unnest($1::int[], $2::text[], $3::boolean[], $4::boolean[]) as p (ask, cluster_id, has_wave, may_be_given))
  select g.ask, g.cluster_id as cluster, c.name, coalesce(o.labels, '{}') as labels, ${suspended} as suspended, ${problem} as problem,
         ${revision} as released, case when ${isAcked} then ${revision} end as acked,
         case when not g.may_be_given then null
              when gr.cluster_id is not null then jsonb_build_object('revision', gr.revision, 'artifact', gr.artifact)
              when ${revision} is not null then jsonb_build_object('revision', ${revision}, 'artifact', ${artifact}) end as has
  from g
  cross join ${ONE('clusters', 'c', 'c.id = g.cluster_id')}
  ${joins}
  left join ${ONE('objects', 'o', `not g.has_wave and o.scope = 'fleet' and o.grp = '${FLEET_GROUP}' and o.kind = 'Cluster' and o.namespace = '' and o.name = c.name`)} on true
  left join ${ONE('grants', 'gr', `g.may_be_given and ${HOLDS('gr')}`)} on true
  left join ${ONE('cluster_heads', 'h', 'h.cluster_id = g.cluster_id')} on true`
export const OF_SOURCES = prepared(HOLDINGS(OF_SOURCE))
const OF_PLACEMENTS = prepared(HOLDINGS(OF_PLACEMENT))

/** What clusters have of source objects, by what is asked; those without the object are left out. */
export async function readHoldings(sql: Sql, all: readonly HoldingsOf[]): Promise<readonly ReadonlyMap<ClusterId, Holding>[]> {
  const found = all.map(() => new Map<ClusterId, Holding>())
  for (const text of [OF_SOURCES, OF_PLACEMENTS]) {
    const isPlaced = text === OF_PLACEMENTS
    const pairs = all.flatMap(({ clusters, source }, at) =>
      isPlaced === (source.kind === 'Placement') ? clusters.map((one) => ({ ask: at + 1, ...one })) : [],
    )
    if (pairs.length === 0) continue
    const column = (of: (source: SourceObject) => string) => all.map(({ source }) => of(source))
    const { rows } = await sql.query<Holding & { readonly ask: number }>(text, [
      pairs.map(({ ask }) => ask),
      pairs.map(({ cluster }) => cluster),
      pairs.map(({ hasWave }) => hasWave),
      pairs.map(({ mayBeGiven }) => mayBeGiven),
      column(({ kind }) => kind),
      column(({ namespace }) => namespace),
      column(({ name }) => name),
    ])
    for (const { ask, ...row } of rows) found[ask - 1]?.set(row.cluster, row)
  }
  return found
}
