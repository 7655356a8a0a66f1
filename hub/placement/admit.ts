import { variablesIn } from '../../proto/model/fleet/cluster-variables.ts'
import type { PlacementSpec } from '../../proto/model/fleet/placement.ts'
import type { Problem } from '../../proto/model/ids.ts'
import { isManifest } from '../../proto/model/manifest.ts'
import { PLATFORM_TENANT } from '../../proto/model/names.ts'
import { placementChooser } from './decide.ts'
import { variablesOfNone } from './expand.ts'
import type { ClusterFacts, PlacementFacts } from './model.ts'

/** What the fleet looks like to a Placement that is about to be written. */
export interface Grounds {
  readonly placement: PlacementFacts
  readonly clusters: readonly ClusterFacts[]
  /** Namespaces that are some tenant's, and whose. */
  readonly taken: ReadonlyMap<string, string>
}

/** What is wrong with a Placement whatever the clusters are, and what its author may want to know. */
export function examine({ clusters, placement, taken }: Grounds): {
  readonly problems: readonly Problem[]
  readonly warnings: readonly string[]
} {
  const { namespace, spec, tenant } = placement
  if (tenant === undefined)
    return { problems: [{ path: 'metadata.namespace', message: `${namespace} belongs to no tenant` }], warnings: [] }
  const whyNot = placementChooser(placement)
  const chosen = clusters.filter((cluster) => whyNot(cluster) === undefined)
  const usable = tenant === PLATFORM_TENANT ? clusters : clusters.filter(({ tenants }) => tenants.has(tenant))
  const nobodys = variablesOfNone(spec.objects, usable)
  return {
    problems: foreign(spec, tenant, taken),
    warnings: [
      ...(chosen.length === 0 ? ['spec.clusters chooses no cluster that there is now'] : []),
      ...nobodys.map(({ text }) => `\${${text}} has a value in no cluster`),
    ],
  }
}

/** Objects that name a namespace in which the tenant may not have anything; what is said by variables is seen per cluster. */
function foreign({ objects }: PlacementSpec, tenant: string, taken: Grounds['taken']): readonly Problem[] {
  return objects.flatMap((object, at) => {
    const namespace = isManifest(object) ? object.metadata.namespace : undefined
    if (namespace === undefined || variablesIn(namespace).variables.length > 0) return []
    const owner = taken.get(namespace)
    if (owner === tenant || (tenant === PLATFORM_TENANT && owner === undefined)) return []
    const message =
      tenant === PLATFORM_TENANT
        ? `${namespace} is tenant ${owner}'s; put the Placement into that namespace`
        : `${namespace} is not one of tenant ${tenant}'s namespaces`
    return [{ path: `spec.objects[${at}].metadata.namespace`, message }]
  })
}
