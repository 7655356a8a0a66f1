import { FLEET_SCOPE } from '../../objects/model.ts'
import type { ApiResponse, Target } from '../model.ts'
import type { ApiParts } from '../ports.ts'
import { refuse } from '../present/status.ts'
import { missing, type Place } from './place.ts'

type Parts = Pick<ApiParts, 'objects' | 'placements' | 'tenants'>

const PAGE = 500

/**
 * For each cluster that the caller may see, by name, why a Placement gives it the objects or not. `?cluster=` asks for one;
 * `metadata.continue` is the cluster after which the next page begins.
 */
export async function explainPlacement(
  parts: Parts,
  { name, namespace, ...target }: Target,
  { place, query }: { readonly place: Place; readonly query: Readonly<Record<string, string>> },
): Promise<ApiResponse> {
  const { group, kind } = target.served.resource
  const stored = await parts.objects.get({ scope: FLEET_SCOPE, group, kind, namespace, name })
  if (!stored || (place.namespaces && !place.namespaces.includes(namespace))) throw refuse(missing({ name, namespace, ...target }))
  const seen = place.tenant === undefined ? undefined : new Set((await parts.tenants.clustersOf(place.tenant)).map((one) => one.name))
  const { items, next } = await parts.placements.explain(stored.manifest, {
    sees: (cluster) => (seen?.has(cluster) ?? true) && (query.cluster === undefined || query.cluster === cluster),
    after: query.continue ?? '',
    limit: Math.min(PAGE, Math.max(1, Number(query.limit) || PAGE)),
  })
  return { kind: 'json', code: 200, body: { kind: 'PlacementExplanation', metadata: next === undefined ? {} : { continue: next }, items } }
}
