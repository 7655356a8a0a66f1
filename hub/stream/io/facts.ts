import type { Fact, FactProblem, RemovedFact } from '../../../proto/model/facts.ts'
import type { ClusterId } from '../../../proto/model/ids.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { SOURCE_GROUP } from '../../../proto/model/names.ts'
import type { ObjectRef } from '../../../proto/model/object-ref.ts'
import type { Sql } from '../../db/db.ts'
import { prepared } from '../../db/prepared.ts'
import type { Greeting, Head, Page } from '../model.ts'

/** A session's question: what came after this position; `sync` also when nothing did, with a digest over everything. */
export interface Question {
  readonly clusterId: ClusterId
  readonly after: bigint
  readonly sync: boolean
  /** False for agents that know no Placements: facts of theirs are neither sent nor counted. */
  readonly placements: boolean
}

const PAGE = 1000

/** True for agents that put into their cluster what Placements say. */
export function knowsPlacements({ capabilities }: Pick<Greeting, 'capabilities'>): boolean {
  return capabilities.includes('placements')
}

/**
 * What is new for many clusters, in one statement.
 *
 * A writer holds the row of `cluster_heads` until it commits, so that no lower position can appear after a higher one; facts of
 * one transaction may share a position, therefore a page never ends between them.
 */
export async function readFacts(sql: Sql, questions: readonly Question[]): Promise<readonly Page[]> {
  if (questions.length === 0) return []
  const { rows } = await sql.query<FactRow>(prepared(READ), [
    questions.map(({ clusterId }) => clusterId),
    questions.map(({ after }) => String(after)),
    questions.map(({ sync }) => sync),
    PAGE,
    questions.map(({ placements }) => placements),
  ])
  const byCluster = Map.groupBy(rows, ({ cluster_id }) => cluster_id)
  return [...byCluster].map(([clusterId, of]) => pageOf(clusterId, of))
}

/** Where a cluster's facts stand. */
export async function readHead(
  sql: Sql,
  { clusterId, placements }: Pick<Question, 'clusterId' | 'placements'>,
  lineage: string,
): Promise<Head> {
  const { rows } = await sql.query<{ counter: bigint; digest: string }>(
    `select h.counter, ${DIGEST} as digest from cluster_heads h, (select $2::boolean as placements) q where h.cluster_id = $1`,
    [clusterId, placements],
  )
  return { lineage, position: rows[0]?.counter ?? 0n, digest: rows[0]?.digest ?? '' }
}

/** An agent has facts after one position and up to another. */
export interface Taken {
  readonly clusterId: ClusterId
  readonly after: bigint
  readonly upTo: bigint
}

const ACKNOWLEDGE = `
  with given as (select h.cluster_id, h.acked as after, a.position from unnest($1::text[], $2::bigint[]) as a (id, position)
    join cluster_heads h on h.cluster_id = a.id),
  acked as (
    update cluster_heads h set acked = g.position from given g
     where h.cluster_id = g.cluster_id and g.position > h.acked and g.position <= h.counter returning h.cluster_id, g.after, h.acked),
  gone as (delete from removals r using acked where r.cluster_id = acked.cluster_id and r.position <= acked.acked)
  select cluster_id as "clusterId", after, acked as "upTo" from acked`

/** Acknowledged facts need no tombstone any more. Many clusters in one statement. @returns whose rows say something new */
export async function acknowledge(sql: Sql, acks: ReadonlyMap<ClusterId, bigint>): Promise<readonly Taken[]> {
  if (acks.size === 0) return []
  return (await sql.query<Taken>(ACKNOWLEDGE, [[...acks.keys()], [...acks.values()].map(String)])).rows
}

interface FactRow {
  readonly cluster_id: ClusterId
  readonly counter: bigint
  readonly digest: string | null
  readonly fact: string | null
  readonly position: bigint | null
  readonly body: Record<string, never> | null
}

const SOURCE_KEY = `'${SOURCE_GROUP}/'`

/** The lines of `setDigestOf` over (factKey, position), for the cluster of `h` and what `q` asks for. */
const DIGEST = `(select 'sha256:' || encode(sha256(convert_to(coalesce(string_agg(line, '' order by line collate "C"), ''), 'UTF8')), 'hex') from (
  select 'desired ' || grp || '/' || kind || '/' || namespace || '/' || name || ' ' || position || E'\\n' as line from desired where cluster_id = h.cluster_id
  union all
  select 'release ' || ${SOURCE_KEY} || source_kind || '/' || source_namespace || '/' || source_name || ' ' || position || E'\\n' from releases where cluster_id = h.cluster_id
  union all
  select 'source-status ' || ${SOURCE_KEY} || kind || '/' || namespace || '/' || name || ' ' || position || E'\\n' from source_statuses where cluster_id = h.cluster_id
  union all
  select 'tenant ' || tenant || ' ' || position || E'\\n' from tenant_access where cluster_id = h.cluster_id and not removed
  union all
  select 'placed ' || grp || '/' || kind || '/' || namespace || '/' || name || ' ' || position || E'\\n' from placed where cluster_id = h.cluster_id and q.placements
  union all
  select 'cluster ' || position || E'\\n' from cluster_infos where cluster_id = h.cluster_id and q.placements) lines)`

// The digest is made once per cluster: outside of the common table it would be made again for each of its facts.
const READ = `
with heads as materialized (
  select h.cluster_id, h.counter, q.after, q.placements, case when q.sync then ${DIGEST} end as digest
    from unnest($1::text[], $2::bigint[], $3::boolean[], $5::boolean[]) as q(id, after, sync, placements) join cluster_heads h on h.cluster_id = q.id
   where h.counter > q.after or q.sync)
select h.cluster_id, h.counter, h.digest, f.fact, f.position, f.body
  from heads h left join lateral (
    select 'desired' as fact, position, to_jsonb(d) as body from desired d where d.cluster_id = h.cluster_id and d.position > h.after
    union all
    select 'release', position, to_jsonb(r) from releases r where r.cluster_id = h.cluster_id and r.position > h.after
    union all
    select 'source-status', position, to_jsonb(s) - 'xid' - 'seq' from source_statuses s where s.cluster_id = h.cluster_id and s.position > h.after
    union all
    select 'tenant', position, to_jsonb(t) from tenant_access t where t.cluster_id = h.cluster_id and t.position > h.after
    union all
    select 'placed', p.position, jsonb_build_object('grp', p.grp, 'kind', p.kind, 'namespace', p.namespace, 'name', p.name,
      'placement', p.owner, 'manifest', m.manifest, 'leaving', p.leaving)
      from placed p left join manifests m on m.digest = p.manifest where p.cluster_id = h.cluster_id and p.position > h.after and h.placements
    union all
    select 'cluster', i.position, to_jsonb(i) || jsonb_build_object('name', c.name)
      from cluster_infos i join clusters c on c.id = i.cluster_id where i.cluster_id = h.cluster_id and i.position > h.after and h.placements
    union all
    select 'removed', position, to_jsonb(x) from removals x where x.cluster_id = h.cluster_id and x.position > h.after
    order by position fetch first $4 rows with ties) f on true
 order by h.cluster_id, f.position`

function pageOf(clusterId: ClusterId, rows: readonly FactRow[]): Page {
  const facts = rows.flatMap(({ fact, position, body }) => (fact && position !== null && body ? [factOf(fact, position, body)] : []))
  const counter = rows[0]?.counter ?? 0n
  const complete = facts.length < PAGE
  const upTo = complete ? counter : (facts.at(-1)?.position ?? counter)
  return { clusterId, facts, upTo, complete, digest: complete ? (rows[0]?.digest ?? '') : '' }
}

interface Body {
  readonly grp: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly source_kind: string
  readonly source_namespace: string
  readonly source_name: string
  readonly options_digest: string
  readonly bundle: string | null
  readonly problem: FactProblem | null
  readonly revision: string
  readonly set_digest: string
  readonly generation: number
  readonly artifact: string
  readonly bytes: number
  readonly artifact_at: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly handled_at: string
  readonly tenant: string
  readonly namespaces: readonly string[]
  readonly cluster_role: string
  readonly service_account: string
  readonly removed: boolean
  readonly fact: RemovedFact['fact']
  readonly placement: string
  readonly manifest: Manifest
  readonly leaving: 'delete' | 'orphan' | null
  readonly labels: Readonly<Record<string, string>>
  readonly variables: Readonly<Record<string, string>>
}

const NO_PROBLEM: FactProblem = { reason: 'Failed', message: '', stalled: false }

function factOf(kind: string, position: bigint, raw: object): Fact {
  const body = raw as Body
  const object: ObjectRef = { group: body.grp ?? SOURCE_GROUP, kind: body.kind, namespace: body.namespace, name: body.name }
  const source: ObjectRef = { group: SOURCE_GROUP, kind: body.source_kind, namespace: body.source_namespace, name: body.source_name }
  switch (kind) {
    case 'desired': {
      const content = body.bundle !== null ? { bundle: body.bundle } : { problem: body.problem ?? NO_PROBLEM }
      return { kind, object, source, optionsDigest: body.options_digest, content, position }
    }
    case 'release':
      return { kind, source, revision: body.revision, setDigest: body.set_digest, position }
    case 'source-status':
      return sourceStatusOf(body, object, position)
    case 'tenant': {
      const { tenant, namespaces, removed } = body
      return { kind, tenant, namespaces, clusterRole: body.cluster_role, serviceAccount: body.service_account, removed, position }
    }
    case 'placed': {
      const content = body.leaving ? { leaving: body.leaving } : { manifest: body.manifest }
      return { kind, object, placement: body.placement, content, position }
    }
    case 'cluster':
      return { kind, name: body.name, labels: body.labels, variables: body.variables, position }
    default:
      return { kind: 'removed', fact: body.fact, object, position }
  }
}

function sourceStatusOf(body: Body, source: ObjectRef, position: bigint): Fact {
  return {
    kind: 'source-status',
    source,
    generation: body.generation,
    revision: body.revision,
    artifactDigest: body.artifact,
    artifactBytes: body.bytes,
    artifactAt: new Date(body.artifact_at ?? 0),
    ...(Object.keys(body.metadata).length > 0 ? { metadata: body.metadata } : {}),
    problem: body.problem ?? undefined,
    handledAt: body.handled_at,
    position,
  }
}
