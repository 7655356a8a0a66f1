import type { OnUnmatch } from '../../../proto/model/fleet/placement.ts'
import type { ClusterFacts, PlacedRow } from '../model.ts'

export interface ClusterRow {
  readonly id: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly facts: Readonly<Record<string, unknown>>
  readonly variables: Readonly<Record<string, string>>
  readonly tenants: Readonly<Record<string, readonly string[]>>
  /** Equal for rows that placements cannot tell apart. */
  readonly digest: string
}

export function clusterOf({ facts, id, labels, name, tenants, variables }: ClusterRow): ClusterFacts {
  const plain = Object.entries(facts).flatMap(([key, value]) =>
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? [[key, value] as const] : [],
  )
  const capabilities = Array.isArray(facts.capabilities) ? facts.capabilities.map(String) : undefined
  return { id, name, labels, variables, capabilities, facts: Object.fromEntries(plain), tenants: new Map(Object.entries(tenants)) }
}

export interface PlacedRowOf {
  readonly cluster_id: string
  readonly grp: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly placement: string
  readonly owner: string
  readonly manifest: string | null
  readonly leaving: OnUnmatch | null
}

export function placedOf({ cluster_id, grp, kind, leaving, manifest, name, namespace, owner, placement }: PlacedRowOf): PlacedRow {
  const ref = { group: grp, kind, namespace, name }
  return { clusterId: cluster_id, ref, placement, owner, manifest: manifest ?? undefined, leaving: leaving ?? undefined }
}
