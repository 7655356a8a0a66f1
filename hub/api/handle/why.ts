import { PLACEMENT } from '../../../proto/model/fleet/kinds.ts'
import { FLEET_SCOPE } from '../../objects/model.ts'
import type { ApiResponse, Target } from '../model.ts'
import type { ApiParts } from '../ports.ts'
import { failure, refuse } from '../present/status.ts'
import { missing, type Place } from './place.ts'

type Parts = Pick<ApiParts, 'clusters' | 'objects' | 'placements' | 'rollouts' | 'tenants'>

/** Why a cluster has, or has not, the newest revision: of every source there, or with `?object=Kind/namespace/name` of one object. */
export async function whyCluster(
  parts: Parts,
  target: Target,
  { place, query }: { readonly place: Place; readonly query: Readonly<Record<string, string>> },
): Promise<ApiResponse> {
  const { clusters, rollouts, tenants } = parts
  const clusterId = await clusters.idOf(target.name)
  if (clusterId === undefined) throw refuse(missing(target))
  const namespaces = place.tenant === undefined ? undefined : await tenants.namespacesOf(place.tenant)
  const object = query.object === undefined ? undefined : objectOf(query.object)
  const asked = { clusterId, namespaces, object }
  const found = await rollouts.why(asked)
  const items = found.length > 0 ? found : await leftOut(parts, target.name, asked)
  return { kind: 'json', code: 200, body: { kind: 'ClusterWhy', metadata: {}, items } }
}

/** What is in no cluster by the word of a Placement: why that leaves this one out. */
async function leftOut({ objects, placements, rollouts }: Parts, cluster: string, asked: Parameters<Parts['rollouts']['leftOut']>[0]) {
  const { group, kind } = PLACEMENT
  const all = (await rollouts.leftOut(asked)).map(async ({ name, namespace, revision }) => {
    const stored = await objects.get({ scope: FLEET_SCOPE, group, kind, namespace, name })
    if (!stored) return []
    const { items } = await placements.explain(stored.manifest, { sees: (one) => one === cluster, after: '', limit: 1 })
    return items.map(({ reasons }) =>
      rollouts.whyLeftOut({ cluster, placement: `${namespace}/${name}`, revision, says: reasons.join('; ') }),
    )
  })
  return (await Promise.all(all)).flat()
}

function objectOf(text: string) {
  const [kind = '', namespace = '', name = '', ...more] = text.split('/')
  if (kind && namespace && name && more.length === 0) return { kind, namespace, name }
  throw refuse(failure(400, 'BadRequest', `object=${text}: must be Kind/namespace/name`))
}
