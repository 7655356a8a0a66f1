import type { ClusterStatus } from '../../../proto/model/fleet/cluster.ts'
import { CLUSTER, PLACEMENT, TENANT } from '../../../proto/model/fleet/kinds.ts'
import type { PlacementStatus } from '../../../proto/model/fleet/placement.ts'
import type { TenantSpec, TenantStatus } from '../../../proto/model/fleet/tenant.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import type { ResourceKind } from '../../../proto/model/resource/kind.ts'
import { fluxRow, readyOf, truth } from './rows.ts'

/** How a kind is shown to people: heads, and a row per object. */
export interface Columns {
  readonly head: readonly string[]
  row(object: Manifest): readonly string[]
}

export interface ColumnOptions {
  readonly allNamespaces?: boolean | undefined
  /** The cluster that was asked for; objects of all clusters carry theirs. */
  readonly cluster?: string | undefined
  /** Puts the kind before the name, where several kinds are shown. */
  readonly prefixed?: boolean | undefined
}

/** The columns of `flux get`, behind the cluster; clusters, tenants and placements have columns of their own. */
export function columnsOf(kind: ResourceKind, options: ColumnOptions = {}): Columns {
  if (kind.kind === CLUSTER.kind) return CLUSTERS
  if (kind.kind === TENANT.kind) return TENANTS
  const { allNamespaces, cluster, prefixed } = options
  if (kind.kind === PLACEMENT.kind) return placements(allNamespaces === true)
  const own = prefixed ? {} : (OWN_COLUMNS[kind.kind] ?? {})
  return {
    head: ['cluster', ...(allNamespaces ? ['namespace'] : []), 'name', ...Object.keys(own), 'revision', 'suspended', 'ready', 'message'],
    row(object) {
      const { message, name, namespace, ready, revision, suspended, ...row } = fluxRow(object, cluster)
      const shown = prefixed ? `${kind.kind.toLowerCase()}/${name}` : name
      const more = Object.values(own).map((cell) => cell((object.spec ?? {}) as SourceSpec))
      return [row.cluster, ...(allNamespaces ? [namespace] : []), shown, ...more, revision, truth(suspended), ready, message]
    },
  }
}

interface SourceSpec {
  readonly url?: string
  readonly chart?: string
  readonly version?: string
  readonly sourceRef?: { readonly kind: string; readonly name: string }
}

/** What tells objects of a kind apart better than their names do. */
const OWN_COLUMNS: Readonly<Record<string, Readonly<Record<string, (spec: SourceSpec) => string>>>> = {
  OCIRepository: { url: ({ url = '' }) => url },
  HelmRepository: { url: ({ url = '' }) => url },
  HelmChart: {
    chart: ({ chart = '' }) => chart,
    version: ({ version = '*' }) => version,
    source: ({ sourceRef }) => (sourceRef ? `${sourceRef.kind}/${sourceRef.name}` : ''),
  },
}

const CLUSTERS: Columns = {
  head: ['name', 'connected', 'ready', 'objects', 'failing', 'version', 'agent', 'labels', 'message'],
  row(cluster) {
    const { connection, facts, objects } = (cluster.status ?? {}) as ClusterStatus
    const ready = readyOf(cluster)
    return [
      cluster.metadata.name,
      truth(connection?.connected === true),
      ready?.status ?? 'Unknown',
      String(objects?.total ?? 0),
      String(objects?.failing ?? 0),
      facts?.kubernetesVersion ?? '',
      facts?.agentVersion ?? '',
      labelText(cluster),
      ready?.message ?? '',
    ]
  },
}

const TENANTS: Columns = {
  head: ['name', 'namespaces', 'role', 'clusters', 'ready', 'message'],
  row(tenant) {
    const { clusterRole = '', namespaces = [] } = tenant.spec as Partial<TenantSpec>
    const ready = readyOf(tenant)
    const settled = (tenant.status as TenantStatus | undefined)?.ready ?? ''
    return [tenant.metadata.name, namespaces.join(','), clusterRole, settled, ready?.status ?? 'Unknown', ready?.message ?? '']
  },
}

function placements(allNamespaces: boolean): Columns {
  return {
    head: [...(allNamespaces ? ['namespace'] : []), 'name', 'matched', 'placed', 'failed', 'ready', 'message'],
    row(placement) {
      const { clusters } = (placement.status ?? {}) as PlacementStatus
      const ready = readyOf(placement)
      const { name, namespace = '' } = placement.metadata
      const counts = [clusters?.matched, clusters?.placed, clusters?.failed].map((count) => String(count ?? ''))
      return [...(allNamespaces ? [namespace] : []), name, ...counts, ready?.status ?? 'Unknown', ready?.message ?? '']
    },
  }
}

function labelText({ metadata }: Manifest): string {
  return Object.entries(metadata.labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
}
