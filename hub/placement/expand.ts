import { canonicalJson } from '../../proto/base/canonical.ts'
import { sha256 } from '../../proto/base/hash.ts'
import { type ClusterVariable, variablesIn, withVariables } from '../../proto/model/fleet/cluster-variables.ts'
import { parsed } from '../../proto/model/fleet/placed-object.ts'
import { isManifest, type Manifest, refOf } from '../../proto/model/manifest.ts'
import { PLACEMENT_ANNOTATION, PLATFORM_TENANT } from '../../proto/model/names.ts'
import { formatRef, refKey } from '../../proto/model/object-ref.ts'
import type { ClusterFacts, Expanded, TargetProblem } from './model.ts'
import { missingValue, valueIn } from './variables.ts'

/** What is put into clusters, and in whose name. */
export interface Content {
  /** `namespace/name` of the Placement. */
  readonly owner: string
  readonly tenant: string
  readonly firstNamespace: string
  readonly objects: readonly unknown[]
  /** Namespaces that are some tenant's. */
  readonly taken: ReadonlyMap<string, string>
}

/** The objects for a cluster, or everything that is in the way; never a part of them. */
export type Expansion = { readonly objects: readonly Expanded[] } | { readonly problems: readonly TargetProblem[] }

/** Digest that names the objects of a Placement as they are written. Persisted: do not change. */
export function revisionOf(objects: readonly unknown[]): string {
  return sha256(canonicalJson(objects))
}

/** Turns a Placement's objects into those of one cluster after another; clusters with the same values share the work. */
export function createExpander(content: Content): (cluster: ClusterFacts) => Expansion {
  const templates = content.objects.filter(isManifest).map((object) => ({ object, ...variablesIn(object) }))
  const known = templates.map(() => new Map<string, Expanded | { readonly problem: string }>())
  return (cluster) => {
    const objects: Expanded[] = []
    const problems: TargetProblem[] = []
    if (cluster.capabilities?.includes('placements') === false) problems.push({ message: 'its agent knows no Placements; update it' })
    for (const [at, { object, variables }] of templates.entries()) {
      const missing = variables.filter((variable) => valueIn(cluster, variable) === undefined)
      const key = JSON.stringify(variables.map((variable) => valueIn(cluster, variable)))
      const one = missing.length > 0 ? undefined : (known[at]?.get(key) ?? expand(content, object, cluster))
      if (one) known[at]?.set(key, one)
      const problem =
        one === undefined
          ? missing.map(missingValue).join('; ')
          : 'problem' in one
            ? one.problem
            : refused(content, one.ref.namespace, cluster)
      if (problem !== undefined) problems.push({ object: nameOf(object), message: problem })
      else if (one && 'digest' in one) objects.push(one)
    }
    problems.push(...twins(objects))
    return problems.length > 0 ? { problems } : { objects }
  }
}

/** Objects that only the cluster's values make the same. */
function twins(objects: readonly Expanded[]): readonly TargetProblem[] {
  const seen = new Set<string>()
  return objects.flatMap(({ ref }) => {
    if (!seen.has(refKey(ref))) {
      seen.add(refKey(ref))
      return []
    }
    return [{ object: formatRef(ref), message: 'two objects of the Placement are this one here' }]
  })
}

/** Variables that have a value in none of the clusters. */
export function variablesOfNone(objects: readonly unknown[], clusters: readonly ClusterFacts[]): readonly ClusterVariable[] {
  return variablesIn(objects).variables.filter((variable) => clusters.every((cluster) => valueIn(cluster, variable) === undefined))
}

function expand({ firstNamespace, owner }: Content, template: Manifest, cluster: ClusterFacts): Expanded | { readonly problem: string } {
  const { metadata, ...rest } = withVariables(template, (variable) => valueIn(cluster, variable))
  const annotations = { ...metadata.annotations, [PLACEMENT_ANNOTATION]: owner }
  const manifest = { ...rest, metadata: { ...metadata, namespace: metadata.namespace ?? firstNamespace, annotations } } as Manifest
  const [problem] = parsed(manifest)
  return problem === undefined ? { ref: refOf(manifest), manifest, digest: sha256(canonicalJson(manifest)) } : { problem }
}

/** Why the tenant may have nothing in this namespace of the cluster. */
export function refused(
  { taken, tenant }: Pick<Content, 'taken' | 'tenant'>,
  namespace: string,
  cluster: ClusterFacts,
): string | undefined {
  if (tenant === PLATFORM_TENANT) {
    const owner = taken.get(namespace)
    return owner === undefined || owner === tenant ? undefined : `namespace ${namespace} is tenant ${owner}'s; put the Placement there`
  }
  const own = cluster.tenants.get(tenant) ?? []
  return own.includes(namespace) ? undefined : `namespace ${namespace} is not one of tenant ${tenant}'s: ${own.join(', ')}`
}

function nameOf(object: Manifest): string {
  return formatRef(refOf(object))
}
