import type { ApiResponse, Target } from '../model.ts'
import type { ApiParts } from '../ports.ts'
import { failure, refuse } from '../present/status.ts'
import { missing, type Place } from './place.ts'

type Parts = Pick<ApiParts, 'clusters' | 'rollouts' | 'tenants'>

/** Why a cluster has, or has not, the newest revision: of every source there, or with `?object=Kind/namespace/name` of one object. */
export async function whyCluster(
  { clusters, rollouts, tenants }: Parts,
  target: Target,
  { place, query }: { readonly place: Place; readonly query: Readonly<Record<string, string>> },
): Promise<ApiResponse> {
  const clusterId = await clusters.idOf(target.name)
  if (clusterId === undefined) throw refuse(missing(target))
  const namespaces = place.tenant === undefined ? undefined : await tenants.namespacesOf(place.tenant)
  const object = query.object === undefined ? undefined : objectOf(query.object)
  const items = await rollouts.why({ clusterId, namespaces, object })
  return { kind: 'json', code: 200, body: { kind: 'ClusterWhy', metadata: {}, items } }
}

function objectOf(text: string) {
  const [kind = '', namespace = '', name = '', ...more] = text.split('/')
  if (kind && namespace && name && more.length === 0) return { kind, namespace, name }
  throw refuse(failure(400, 'BadRequest', `object=${text}: must be Kind/namespace/name`))
}
