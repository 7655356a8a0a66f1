import type { Access, Subject } from '../../tenants/model.ts'
import type { Target } from '../model.ts'
import type { ApiParts } from '../ports.ts'
import { failure, notFound, refuse, type Status } from '../present/status.ts'

/** Where a request may look: what the subject may not see is not in it. */
export interface Place {
  readonly scopes: readonly string[]
  readonly clusterId: string | undefined
  readonly namespaces: readonly string[] | undefined
  readonly names: readonly string[] | undefined
  /** The tenant that the subject is bound to. */
  readonly tenant: string | undefined
  /** The ServiceAccount as which the subject acts in the cluster, by namespace of the object. */
  readonly actsAs: (namespace: string) => string
}

type Parts = Pick<ApiParts, 'tenants' | 'clusters'>

const PLATFORM_IDENTITY = 'flux-system/flotilla-platform'

/**
 * Where the request's object or objects may be, for this subject.
 * @throws the answer where it may not do this: "not found" for what it may not see, "forbidden" for what it may see
 */
export async function placeOf(parts: Parts, subject: Subject, target: Target): Promise<Place> {
  if (target.served.resource.kind === 'Secret' && ['get', 'list', 'watch'].includes(target.verb)) throw refuse(writeOnly())
  const cluster = await clusterOf(parts, target)
  const tenant = subject.tenant === undefined ? undefined : await boundPlace(parts, subject.tenant, target, cluster)
  const access: Access = {
    verb: target.verb,
    kind: target.served.resource.kind,
    tenant: subject.tenant,
    ...(cluster ? { cluster } : {}),
    ...(subject.tenant !== undefined && target.served.resource.kind === 'Cluster'
      ? { cluster: { name: target.name, tenants: [subject.tenant] } }
      : {}),
  }
  if (!parts.tenants.may(subject, access)) {
    const visible = parts.tenants.may(subject, { ...access, verb: 'get' }) || target.served.resource.kind === 'Secret'
    throw refuse(visible ? forbidden(subject, target) : missing(target))
  }
  const namespace = target.namespace === '' ? undefined : [target.namespace]
  const clusterId = cluster?.id
  if (tenant) return { ...tenant, tenant: subject.tenant, clusterId, namespaces: namespace ?? tenant.namespaces }
  const scopes = target.view.kind === 'fleet' ? ['fleet'] : clusterId ? [clusterId] : ['*']
  return { scopes, clusterId, namespaces: namespace, names: undefined, tenant: undefined, actsAs: () => PLATFORM_IDENTITY }
}

async function clusterOf({ clusters, tenants }: Parts, target: Target) {
  if (target.view.kind !== 'cluster') return undefined
  const name = target.view.cluster
  const id = await clusters.idOf(name)
  if (id === undefined) throw refuse(noCluster(name))
  return { id, name, tenants: await tenants.tenantsOf(name) }
}

/** What of the target is the tenant's. */
async function boundPlace(
  { tenants }: Parts,
  tenant: string,
  target: Target,
  cluster: { readonly name: string; readonly tenants: readonly string[] } | undefined,
): Promise<Omit<Place, 'clusterId' | 'tenant'>> {
  if (cluster && !cluster.tenants.includes(tenant)) throw refuse(noCluster(cluster.name))
  const [namespaces, served] = await Promise.all([tenants.namespacesOf(tenant), tenants.clustersOf(tenant)])
  const { kind, namespaced } = target.served.resource
  if (namespaced && target.namespace !== '' && !namespaces.includes(target.namespace)) throw refuse(missing(target))
  const account = served.find(({ name }) => name === cluster?.name)?.serviceAccount ?? ''
  const own = kind === 'Tenant' ? [tenant] : kind === 'Cluster' ? served.map(({ name }) => name) : undefined
  if (own && target.name !== '' && !own.includes(target.name)) throw refuse(missing(target))
  const inClusters = cluster ? served.filter(({ name }) => name === cluster.name) : served
  return {
    scopes: target.view.kind === 'fleet' ? ['fleet'] : inClusters.map(({ id }) => id),
    namespaces: namespaced ? namespaces : undefined,
    names: own,
    actsAs: (namespace) => `${namespace}/${account}`,
  }
}

export function missing({ name, served }: Target): Status {
  return notFound(served.resource, name)
}

function noCluster(name: string): Status {
  return notFound({ group: 'fleet.flotilla.dev', plural: 'clusters' }, name)
}

function forbidden(subject: Subject, { served, verb, name }: Target): Status {
  const what = `${served.resource.plural}${name ? ` ${JSON.stringify(name)}` : ''}`
  return failure(
    403,
    'Forbidden',
    `${subject.name} (${subject.role}) may not ${verb} ${what}; ask an administrator of the hub for a token that may`,
  )
}

function writeOnly(): Status {
  return failure(405, 'MethodNotAllowed', 'secrets can be written through the hub, never read; read them in the cluster itself')
}
