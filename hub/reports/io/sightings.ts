import type { FactProblem } from '../../../proto/model/facts.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { SOURCE_GROUP } from '../../../proto/model/names.ts'
import type { ObjectRef } from '../../../proto/model/object-ref.ts'
import type { Sql } from '../../db/db.ts'
import type { ChartCredential, ClusterReport, SourceSighting } from '../model.ts'

/** Source objects as the clusters reported them, charts with what they are taken from. */
const SIGHTINGS = `
  select o.scope as "clusterId", o.version, o.kind, o.namespace, o.name, o.generation::int as generation, o.annotations, o.spec,
         so.credential_id, so.credential_problem,
         u.version as up_version, u.kind as up_kind, u.name as up_name, u.annotations as up_annotations, u.spec as up_spec,
         uso.credential_id as up_credential_id, uso.credential_problem as up_credential_problem,
         ur.revision as up_revision, ur.artifact as up_artifact
  from objects o
  join clusters c on c.id = o.scope
  left join source_objects so on so.cluster_id = o.scope and so.kind = o.kind and so.namespace = o.namespace and so.name = o.name
  left join objects u on o.kind = 'HelmChart' and u.scope = o.scope and u.grp = o.grp and u.namespace = o.namespace
    and u.kind = o.spec #>> '{sourceRef,kind}' and u.name = o.spec #>> '{sourceRef,name}'
  left join source_objects uso on uso.cluster_id = u.scope and uso.kind = u.kind and uso.namespace = u.namespace and uso.name = u.name
  left join releases ur on ur.cluster_id = u.scope and ur.source_kind = u.kind and ur.source_namespace = u.namespace and ur.source_name = u.name
  where o.grp = $1`

const IN_NAMESPACES = `${SIGHTINGS} and o.namespace = any($2::text[]) order by o.scope, o.kind, o.name`

/** Charts that are among the objects ($2), or taken from one of them. */
const CHARTS_OF = `
  with touched as (select * from jsonb_to_recordset($2::jsonb) as x("clusterId" text, kind text, namespace text, name text))
  ${SIGHTINGS} and o.kind = 'HelmChart' and exists (
    select from touched t where t."clusterId" = o.scope and t.namespace = o.namespace and (
      (t.kind = o.kind and t.name = o.name) or (t.kind = o.spec #>> '{sourceRef,kind}' and t.name = o.spec #>> '{sourceRef,name}')))
  order by o.scope, o.namespace, o.name`

interface Row {
  readonly clusterId: string
  readonly version: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly generation: number
  readonly annotations: Readonly<Record<string, string>>
  readonly spec: unknown
  readonly credential_id: string | null
  readonly credential_problem: FactProblem | null
  readonly up_version: string | null
  readonly up_kind: string
  readonly up_name: string
  readonly up_annotations: Readonly<Record<string, string>>
  readonly up_spec: unknown
  readonly up_credential_id: string | null
  readonly up_credential_problem: FactProblem | null
  readonly up_revision: string | null
  readonly up_artifact: string | null
}

/** The source objects of the namespaces, in every cluster. */
export async function sightingsIn(tx: Sql, namespaces: readonly string[]): Promise<readonly SourceSighting[]> {
  return (await tx.query<Row>(IN_NAMESPACES, [SOURCE_GROUP, namespaces])).rows.map(sighting)
}

/** The charts among the objects, and those that are taken from one of them, whether it is still there or not. */
export async function chartsOf(
  tx: Sql,
  touched: readonly ClusterReport<{ readonly ref: ObjectRef }>[],
): Promise<readonly SourceSighting[]> {
  const sources = touched.filter(({ value }) => value.ref.group === SOURCE_GROUP)
  if (sources.length === 0) return []
  const keys = sources.map(({ clusterId, value }) => ({ clusterId, ...value.ref }))
  return (await tx.query<Row>(CHARTS_OF, [SOURCE_GROUP, JSON.stringify(keys)])).rows.map(sighting)
}

/** The charts with what came with their reports just now, in place of what came earlier. */
export function withCredentials(charts: readonly SourceSighting[], reported: readonly ChartCredential[]): readonly SourceSighting[] {
  const given = new Map(reported.map((one) => [`${one.clusterId}/${one.namespace}/${one.name}`, one]))
  return charts.map((chart) => {
    const { name, namespace = '' } = chart.manifest.metadata
    const found = given.get(`${chart.clusterId}/${namespace}/${name}`)
    return found ? { ...chart, credentialId: found.credentialId, credentialProblem: found.credentialProblem } : chart
  })
}

function sighting(row: Row): SourceSighting {
  const upstream = row.up_version !== null && {
    manifest: manifestOf({
      ...row,
      version: row.up_version,
      kind: row.up_kind,
      name: row.up_name,
      annotations: row.up_annotations,
      spec: row.up_spec,
    }),
    credentialId: row.up_credential_id ?? undefined,
    credentialProblem: row.up_credential_problem ?? undefined,
    ...(row.up_revision !== null && row.up_artifact !== null ? { released: { revision: row.up_revision, artifact: row.up_artifact } } : {}),
  }
  return {
    clusterId: row.clusterId,
    generation: row.generation,
    manifest: manifestOf(row),
    credentialId: row.credential_id ?? undefined,
    credentialProblem: row.credential_problem ?? undefined,
    ...(upstream ? { upstream } : {}),
  }
}

function manifestOf({ annotations, kind, name, namespace, spec, version }: Row): Manifest {
  return { apiVersion: `${SOURCE_GROUP}/${version}`, kind, metadata: { name, namespace, annotations }, spec }
}
