import type { Requirement, Selector } from '../../../proto/model/selector.ts'
import { ALL_CLUSTERS, type Detail, FLEET_SCOPE } from '../model.ts'

const PLAIN = `o.scope, o.grp, o.kind, o.namespace, o.name, o.version, o.uid, o.generation, o.created_at, o.labels, o.annotations,
  o.metadata, o.spec, o.rest, o.origin_version, o.created_xid::text, o.xid::text, o.seq`

const REVISION = `re.revision as reached_revision, re.at as reached_at, re.xid::text as reached_xid, re.seq as reached_seq,
  ob.in_line, ob.last_applied_revision as applied, ob.last_attempted_revision as attempted,
  so.artifact as artifact_digest, so.revision as artifact_revision, so.bytes as artifact_bytes, so.artifact_at,
  so.xid::text as source_xid, so.seq as source_seq`

/** A straggler stands by itself: a move of `reached` is no news of it, and neither is it to a source object with an artifact. */
const REVISION_JOINS = `
  left join consumers co on co.cluster_id = o.scope and co.grp = o.grp and co.kind = o.kind
    and co.namespace = o.namespace and co.name = o.name
  left join observed ob on ob.cluster_id = o.scope and ob.grp = o.grp and ob.kind = o.kind
    and ob.namespace = o.namespace and ob.name = o.name
  left join reached re on re.cluster_id = o.scope and re.source_kind = co.source_kind
    and re.source_namespace = co.source_namespace and re.source_name = co.source_name and ob.in_line is not false
  left join source_statuses so on so.cluster_id = o.scope and o.grp = 'source.toolkit.fluxcd.io' and so.kind = o.kind
    and so.namespace = o.namespace and so.name = o.name`

/** `select … from objects o …` with everything that is served together with a row; conditions are the caller's. */
export function selectObjects({ mirrors, detail }: { readonly mirrors: boolean; readonly detail: Detail }): string {
  const status = detail === 'slim' ? `o.status - 'inventory' - 'history' as status` : 'o.status'
  if (!mirrors) return `select ${PLAIN}, ${status} from objects o`
  return `select ${PLAIN}, ${status}, ${REVISION} from objects o${REVISION_JOINS}`
}

/** Collects values of a statement and gives out their placeholders. */
export class Values {
  readonly list: unknown[] = []

  put(value: unknown): string {
    this.list.push(value)
    return `$${this.list.length}`
  }
}

/** The label selector as a condition over `labels`. */
export function labelCondition(selector: Selector, labels: string, values: Values): readonly string[] {
  return selector.map((requirement) => condition(requirement, labels, values))
}

function condition({ key, operator, values: wanted }: Requirement, labels: string, values: Values): string {
  const name = values.put(key)
  switch (operator) {
    case 'In':
      return `${labels} ->> ${name}::text = any(${values.put(wanted)}::text[])`
    case 'NotIn':
      return `coalesce(${labels} ->> ${name}::text <> all(${values.put(wanted)}::text[]), true)`
    case 'Exists':
      return `${labels} ? ${name}::text`
    case 'DoesNotExist':
      return `not ${labels} ? ${name}::text`
    default:
      return operator satisfies never
  }
}

/** The rows of these scopes; `ALL_CLUSTERS` among them stands for every scope but the fleet's own. */
export function scopeCondition(scopes: readonly string[], column: string, values: Values): string {
  if (scopes.includes(ALL_CLUSTERS)) return `${column} <> '${FLEET_SCOPE}'`
  return `${column} = any(${values.put(scopes)}::text[])`
}

export function holdsMirrors(scopes: readonly string[]): boolean {
  return scopes.some((scope) => scope !== FLEET_SCOPE)
}
