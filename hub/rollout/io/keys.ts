import { PLACEMENT_KEY } from '../model.ts'

/** Query for what is to be settled anew for the source objects of a relation: keys of sources, and of Placements. */
export const KEYS_OF = (rows: string) => `
  select so.source_key from ${rows} k
  join source_objects so on so.cluster_id = k.cluster_id and so.kind = k.source_kind and so.namespace = k.source_namespace and so.name = k.source_name
  where so.source_key is not null
  union
  select '${PLACEMENT_KEY}' || p.uid from ${rows} k
  join placements p on k.source_kind = 'Placement' and p.namespace = k.source_namespace and p.name = k.source_name and p.generation >= 0`

/** Relation of the clusters that a Placement chooses, with the names of its columns. */
export const PLACEMENT_HOLDERS = `
  select t.cluster_id, 'Placement' as kind, p.namespace, p.name, p.uid, p.revision as newest, t.revision, t.problems, t.blocked
  from placements p join placement_targets t on t.placement = p.uid
  where p.generation >= 0`

/** True where the agent of a head `h` has taken all that Placement `p` has for its cluster. */
export const PLACED_IS_ACKED = (p: string) =>
  `not exists (select from placed d where d.placement = ${p}.uid and d.cluster_id = ${p}.cluster_id and d.position > h.acked)`

/** Flux kinds that have no status: being there is all that can be known of them. */
export const SAY_NOTHING = `('Alert', 'Provider')`

/** One row of a table by its key, one look into its index for each: a hundred clusters do not have the tables of the whole fleet read. */
export const ONE = (table: string, as: string, where: string) => `lateral (select * from ${table} ${as} where ${where} limit 1) ${as}`
