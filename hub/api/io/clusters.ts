import type { Db } from '../../db/db.ts'
import type { ClusterIndex } from '../ports.ts'

interface NameRow {
  readonly id: string
  readonly name: string
}

/** `ClusterIndex` over Postgres. */
export function createClusterIndex(db: Db): ClusterIndex {
  return {
    async idOf(name) {
      const { rows } = await db.query<NameRow>('select id, name from clusters where name = $1', [name])
      return rows[0]?.id
    },
    async namesOf(ids) {
      const { rows } = await db.query<NameRow>('select id, name from clusters where id = any($1::text[])', [ids])
      return new Map(rows.map(({ id, name }) => [id, name]))
    },
    async idsOf(names) {
      const { rows } = await db.query<NameRow>('select id, name from clusters where $1::text[] is null or name = any($1)', [names ?? null])
      return rows.map(({ id }) => id)
    },
    async namespacesIn(clusterId) {
      const { rows } = await db.query<{ namespace: string }>(
        `select namespace from objects where scope = $1 and namespace <> ''
          union select unnest(namespaces) from tenant_access where cluster_id = $1 and not removed order by 1`,
        [clusterId],
      )
      return rows.map(({ namespace }) => namespace)
    },
    async tenantNamespaces() {
      const { rows } = await db.query<{ namespace: string }>('select namespace from tenant_namespaces order by 1')
      return rows.map(({ namespace }) => namespace)
    },
  }
}
