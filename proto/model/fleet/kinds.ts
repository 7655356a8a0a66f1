import { FLEET_GROUP, FLEET_VERSION } from '../names.ts'
import { AGE_COLUMN, READY_COLUMN, type Resource, type ResourceKind, STATUS_COLUMN } from '../resource/kind.ts'
import { type ClusterSpec, type ClusterStatus, clusterSpec, clusterStatus } from './cluster.ts'
import { type PlacementSpec, type PlacementStatus, placementSpec, placementStatus } from './placement.ts'
import { type RolloutSpec, rolloutSpec } from './rollout.ts'
import { type RolloutStatus, rolloutStatus } from './rollout-status.ts'
import { type TenantSpec, type TenantStatus, tenantSpec, tenantStatus } from './tenant.ts'

const FLEET = { group: FLEET_GROUP, version: FLEET_VERSION, categories: ['fleet'], namespaced: false } as const

export const TENANT = {
  ...FLEET,
  kind: 'Tenant',
  plural: 'tenants',
  shortNames: [],
  description: 'Who: namespaces, the clusters that they are in, and the rights that work there is done with.',
  columns: [
    { name: 'Namespaces', type: 'string', jsonPath: '.spec.namespaces' },
    { name: 'Role', type: 'string', jsonPath: '.spec.clusterRole' },
    { name: 'Clusters', type: 'string', jsonPath: '.status.ready' },
    READY_COLUMN,
    { ...STATUS_COLUMN, priority: 1 },
    AGE_COLUMN,
  ],
  spec: tenantSpec,
  status: tenantStatus,
} as const satisfies ResourceKind
export type Tenant = Resource<'Tenant', TenantSpec, TenantStatus>

export const CLUSTER = {
  ...FLEET,
  kind: 'Cluster',
  plural: 'clusters',
  shortNames: [],
  description: 'A cluster that takes part in the fleet; its labels are metadata.labels.',
  columns: [
    { name: 'Connected', type: 'boolean', jsonPath: '.status.connection.connected' },
    READY_COLUMN,
    { name: 'Objects', type: 'integer', jsonPath: '.status.objects.total' },
    { name: 'Failing', type: 'integer', jsonPath: '.status.objects.failing' },
    { name: 'Version', type: 'string', jsonPath: '.status.facts.kubernetesVersion' },
    { name: 'Nodes', type: 'integer', jsonPath: '.status.facts.nodes', priority: 1 },
    { name: 'Agent', type: 'string', jsonPath: '.status.facts.agentVersion', priority: 1 },
    { name: 'Id', type: 'string', jsonPath: '.status.id', priority: 1 },
    { ...STATUS_COLUMN, priority: 1 },
    AGE_COLUMN,
  ],
  spec: clusterSpec,
  status: clusterStatus,
} as const satisfies ResourceKind
export type Cluster = Resource<'Cluster', ClusterSpec, ClusterStatus>

export const PLACEMENT = {
  ...FLEET,
  namespaced: true,
  kind: 'Placement',
  plural: 'placements',
  shortNames: [],
  description: 'What goes where: Flux objects that are put into every cluster that a selector chooses.',
  columns: [
    { name: 'Matched', type: 'integer', jsonPath: '.status.clusters.matched' },
    { name: 'Placed', type: 'integer', jsonPath: '.status.clusters.placed' },
    { name: 'Failed', type: 'integer', jsonPath: '.status.clusters.failed' },
    READY_COLUMN,
    STATUS_COLUMN,
    AGE_COLUMN,
  ],
  spec: placementSpec,
  status: placementStatus,
} as const satisfies ResourceKind
export type Placement = Resource<'Placement', PlacementSpec, PlacementStatus>

export const ROLLOUT = {
  ...FLEET,
  namespaced: true,
  kind: 'Rollout',
  plural: 'rollouts',
  shortNames: [],
  description: 'When a revision reaches which cluster: in waves that must be healthy, and back again by itself.',
  columns: [
    { name: 'Revision', type: 'string', jsonPath: '.status.run.revision' },
    { name: 'State', type: 'string', jsonPath: '.status.run.state' },
    { name: 'Healthy', type: 'integer', jsonPath: '.status.run.clusters.healthy' },
    { name: 'Total', type: 'integer', jsonPath: '.status.run.clusters.total' },
    READY_COLUMN,
    STATUS_COLUMN,
    AGE_COLUMN,
  ],
  spec: rolloutSpec,
  status: rolloutStatus,
} as const satisfies ResourceKind
export type Rollout = Resource<'Rollout', RolloutSpec, RolloutStatus>

/** The kinds that live in the hub. */
export const FLEET_KINDS: readonly ResourceKind<(Tenant | Cluster | Placement | Rollout)['kind']>[] = [TENANT, CLUSTER, PLACEMENT, ROLLOUT]
