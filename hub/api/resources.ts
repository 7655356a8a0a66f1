import { z } from 'zod'
import { CLUSTER, PLACEMENT, ROLLOUT, TENANT } from '../../proto/model/fleet/kinds.ts'
import { HELM_RELEASE } from '../../proto/model/flux/helm/kinds.ts'
import { FLUX_KINDS } from '../../proto/model/flux/kinds.ts'
import { FLEET_GROUP, FLEET_VERSION } from '../../proto/model/names.ts'
import { AGE_COLUMN, type ResourceKind } from '../../proto/model/resource/kind.ts'
import { ACTIONS, ROLES, type Verb } from '../tenants/model.ts'
import type { Served, View } from './model.ts'

const FLEET = { group: FLEET_GROUP, version: FLEET_VERSION, categories: [], namespaced: false } as const
const open = () => z.record(z.string(), z.unknown()).meta({ 'x-kubernetes-preserve-unknown-fields': true })

const TOKEN: ResourceKind = {
  ...FLEET,
  kind: 'Token',
  plural: 'tokens',
  shortNames: [],
  description: 'A token for people and tools; its text is shown once, when it is made.',
  columns: [
    { name: 'Description', type: 'string', jsonPath: '.spec.description' },
    { name: 'Role', type: 'string', jsonPath: '.spec.role' },
    { name: 'Tenant', type: 'string', jsonPath: '.spec.tenant' },
    { name: 'Verbs', type: 'string', jsonPath: '.spec.verbs' },
    { name: 'Expires', type: 'string', jsonPath: '.status.expiresAt' },
    AGE_COLUMN,
  ],
  spec: z.object({
    description: z.string().min(1).max(200).describe('Who or what it is for.'),
    role: z.enum(ROLES).default('viewer').describe('What it may do.'),
    tenant: z.string().exactOptional().describe('The tenant that it is bound to; the whole fleet where absent.'),
    ttl: z.string().exactOptional().describe('How long it is good for, such as 720h; for ever where absent.'),
    verbs: z
      .array(z.enum(ACTIONS))
      .exactOptional()
      .describe('What it may ask of Rollouts, whatever its role; all of it where absent, and nothing for a viewer.'),
  }),
  status: open(),
}

const JOIN_TOKEN: ResourceKind = {
  ...FLEET,
  kind: 'JoinToken',
  plural: 'jointokens',
  shortNames: [],
  description: 'What lets agents ask to join the fleet; its text is shown once, when it is made.',
  columns: [
    { name: 'Description', type: 'string', jsonPath: '.spec.description' },
    { name: 'Cluster', type: 'string', jsonPath: '.spec.cluster' },
    { name: 'Uses', type: 'integer', jsonPath: '.status.usesLeft' },
    { name: 'Expires', type: 'string', jsonPath: '.status.expiresAt' },
    AGE_COLUMN,
  ],
  spec: z.object({
    approve: z.boolean().default(true).describe('Approve clusters that join with it at once.'),
    cluster: z.string().exactOptional().describe('The one name that it is good for; any where absent.'),
    description: z.string().max(200).default('').describe('What it is for.'),
    labels: z.record(z.string(), z.string()).exactOptional().describe('Labels of the clusters that join with it.'),
    ttl: z.string().default('24h').describe('How long it is good for.'),
    uses: z.int().min(1).max(100_000).default(1).describe('How many clusters may join with it.'),
  }),
  status: open(),
}

const core = (kind: string, plural: string, more: Partial<ResourceKind>): ResourceKind => ({
  group: '',
  version: 'v1',
  kind,
  plural,
  shortNames: [],
  categories: [],
  namespaced: true,
  description: `A Kubernetes ${kind}.`,
  columns: [AGE_COLUMN],
  spec: open(),
  ...more,
})

const NAMESPACE = core('Namespace', 'namespaces', {
  namespaced: false,
  shortNames: ['ns'],
  description: 'A namespace that holds objects known to the fleet.',
})
const SECRET = core('Secret', 'secrets', { description: 'A Secret of the cluster: can be written through the hub, never read.' })
const EVENT = core('Event', 'events', {
  shortNames: ['ev'],
  description: 'What happened to an object.',
  columns: [
    { name: 'Last Seen', type: 'date', jsonPath: '.lastTimestamp' },
    { name: 'Type', type: 'string', jsonPath: '.type' },
    { name: 'Reason', type: 'string', jsonPath: '.reason' },
    { name: 'Object', type: 'string', jsonPath: '.involvedObject.name' },
    { name: 'Kind', type: 'string', jsonPath: '.involvedObject.kind' },
    { name: 'Message', type: 'string', jsonPath: '.message' },
  ],
})

const READ: readonly Verb[] = ['get', 'list', 'watch']
const ALL: readonly Verb[] = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete']

const served = (resource: ResourceKind, verbs: readonly Verb[], subresources: readonly string[] = []): Served => ({
  resource,
  singular: resource.kind.toLowerCase(),
  verbs,
  subresources,
  columns: resource.columns,
})

const FLEET_RESOURCES: readonly Served[] = [
  served(NAMESPACE, ['get', 'list']),
  served(EVENT, READ),
  served(CLUSTER, ['get', 'list', 'watch', 'update', 'patch', 'delete'], ['approve', 'status', 'why']),
  served(TENANT, ALL, ['status']),
  served(ROLLOUT, ALL, ['status', ...ACTIONS]),
  served(PLACEMENT, ALL, ['explain', 'status']),
  served(TOKEN, ['get', 'list', 'create', 'delete']),
  served(JOIN_TOKEN, ['get', 'list', 'create', 'delete']),
]
const CLUSTER_RESOURCES: readonly Served[] = [
  served(NAMESPACE, ['get', 'list']),
  served(EVENT, READ),
  served(SECRET, ['create', 'update', 'patch', 'delete']),
  ...FLUX_KINDS.map((kind) => served(kind, ALL, kind.kind === HELM_RELEASE.kind ? ['diff', 'status'] : ['status'])),
]
const ALL_RESOURCES: readonly Served[] = [served(EVENT, READ), ...FLUX_KINDS.map((kind) => served(kind, READ))]

/** Everything that a view serves. */
export function resourcesOf(view: View): readonly Served[] {
  return view.kind === 'fleet' ? FLEET_RESOURCES : view.kind === 'cluster' ? CLUSTER_RESOURCES : ALL_RESOURCES
}

/** What is served at a path, or undefined. */
export function findResource(
  view: View,
  at: { readonly group: string; readonly version: string; readonly plural: string },
): Served | undefined {
  return resourcesOf(view).find(
    ({ resource }) => resource.group === at.group && resource.version === at.version && resource.plural === at.plural,
  )
}
