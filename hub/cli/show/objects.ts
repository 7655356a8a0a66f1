import type { ClusterStatus } from '../../../proto/model/fleet/cluster.ts'
import { CLUSTER, PLACEMENT, TENANT } from '../../../proto/model/fleet/kinds.ts'
import type { PlacementStatus } from '../../../proto/model/fleet/placement.ts'
import type { TenantSpec, TenantStatus } from '../../../proto/model/fleet/tenant.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import type { ResourceKind } from '../../../proto/model/resource/kind.ts'
import { snapshotsOf } from './release.ts'
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
  const { before, after } = (prefixed ? undefined : OWN_COLUMNS[kind.kind]) ?? NO_COLUMNS
  const cells = (columns: OwnColumns, object: Manifest) => Object.values(columns).map((cell) => cell(object))
  return {
    head: [
      'cluster',
      ...(allNamespaces ? ['namespace'] : []),
      'name',
      ...Object.keys(before),
      'revision',
      ...Object.keys(after),
      'suspended',
      'ready',
      'message',
    ],
    row(object) {
      const { message, name, namespace, ready, revision, suspended, ...row } = fluxRow(object, cluster)
      const shown = prefixed ? `${kind.kind.toLowerCase()}/${name}` : name
      const [first, then] = [cells(before, object), cells(after, object)]
      return [row.cluster, ...(allNamespaces ? [namespace] : []), shown, ...first, revision, ...then, truth(suspended), ready, message]
    },
  }
}

type OwnColumns = Readonly<Record<string, (object: Manifest) => string>>

interface SourceSpec {
  readonly url?: string
  readonly chart?: string
  readonly version?: string
  readonly sourceRef?: { readonly kind: string; readonly name: string }
}

const specOf = ({ spec }: Manifest) => (spec ?? {}) as SourceSpec
const URL_COLUMN: OwnColumns = { url: (object) => specOf(object).url ?? '' }
const NO_COLUMNS = { before: {}, after: {} }

/** What tells objects of a kind apart better than their names do: before the revision, and behind it. */
const OWN_COLUMNS: Readonly<Record<string, { readonly before: OwnColumns; readonly after: OwnColumns }>> = {
  OCIRepository: { ...NO_COLUMNS, before: URL_COLUMN },
  HelmRepository: { ...NO_COLUMNS, before: URL_COLUMN },
  HelmChart: {
    ...NO_COLUMNS,
    before: {
      chart: (object) => specOf(object).chart ?? '',
      version: (object) => specOf(object).version ?? '*',
      source: (object) => sourceText(specOf(object)),
    },
  },
  HelmRelease: {
    ...NO_COLUMNS,
    after: {
      chart: (object) => snapshotsOf(object)[0]?.chartName ?? '',
      'app version': (object) => snapshotsOf(object)[0]?.appVersion ?? '',
    },
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

function sourceText({ sourceRef }: SourceSpec): string {
  return sourceRef ? `${sourceRef.kind}/${sourceRef.name}` : ''
}

function labelText({ metadata }: Manifest): string {
  return Object.entries(metadata.labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
}
