import type { Manifest } from '../../proto/model/manifest.ts'
import { PLATFORM_TENANT } from '../../proto/model/names.ts'
import { formatRef, refKey } from '../../proto/model/object-ref.ts'
import { chooser } from './choose.ts'
import { type Content, createExpander, type Expansion, refused, revisionOf } from './expand.ts'
import type { ClusterFacts, PlacedRow, PlacementFacts, Target } from './model.ts'

/** Which revision a cluster that a Rollout holds may have. */
export interface Hold {
  readonly placement: string
  readonly clusterId: string
  /** Undefined: it stays at what it has. */
  readonly revision: string | undefined
}

/** Everything that a decision is made from. */
export interface Situation {
  /** In the order in which they were made: the first keeps an object that two give. */
  readonly placements: readonly PlacementFacts[]
  readonly clusters: readonly ClusterFacts[]
  /** True for pairs that are to be decided now. */
  readonly isDue: (placement: PlacementFacts, cluster: ClusterFacts) => boolean
  /** Namespaces that are some tenant's, and whose. */
  readonly taken: ReadonlyMap<string, string>
  readonly holds: readonly Hold[]
  /** Objects of earlier revisions, by placement and revision. */
  readonly earlier: ReadonlyMap<string, readonly unknown[]>
}

/** A cluster that a Placement chooses, with what it would put there. */
export interface Wish {
  readonly placement: PlacementFacts
  readonly cluster: ClusterFacts
  readonly revision: string | undefined
  readonly expansion: Expansion
  /** False for namespaces of the cluster that are not, or no longer, the Placement's to fill. */
  readonly mayFill: (namespace: string) => boolean
}

/** Why the Placement gives a cluster nothing, or undefined where it chooses it; for one cluster after another. */
export function placementChooser({ leaving, namespace, spec, tenant }: PlacementFacts): (cluster: ClusterFacts) => string | undefined {
  if (leaving) return () => 'the Placement is being deleted'
  if (tenant === undefined) return () => `namespace ${namespace} belongs to no tenant`
  const whyNot = chooser(spec.clusters)
  return (cluster) =>
    tenant !== PLATFORM_TENANT && !cluster.tenants.has(tenant) ? `tenant ${tenant} may not use this cluster` : whyNot(cluster)
}

/** What each Placement would put where, not looking at what is there. */
export function wishes({ clusters, earlier, holds, isDue, placements, taken }: Situation): readonly Wish[] {
  const held = new Map(holds.map((hold) => [pair(hold.placement, hold.clusterId), hold]))
  return placements.flatMap((placement) => {
    const newest = revisionOf(placement.spec.objects)
    const whyNot = placementChooser(placement)
    const expanders = new Map<string, ReturnType<typeof createExpander>>()
    const expander = (revision: string) => {
      const made =
        expanders.get(revision) ??
        createExpander(contentOf(placement, earlier.get(pair(placement.uid, revision)) ?? placement.spec.objects, taken))
      expanders.set(revision, made)
      return made
    }
    return clusters
      .filter((cluster) => isDue(placement, cluster) && whyNot(cluster) === undefined)
      .map((cluster): Wish => {
        const hold = held.get(pair(placement.uid, cluster.id))
        const revision = hold ? hold.revision : newest
        const expansion = revision === undefined ? { objects: [] } : expander(revision)(cluster)
        const mayFill = (namespace: string) => refused({ taken, tenant: placement.tenant ?? '' }, namespace, cluster) === undefined
        return { placement, cluster, revision, expansion, mayFill }
      })
  })
}

export interface Decision {
  readonly targets: readonly Target[]
  /** Rows that are to be written: put there, or about to go. */
  readonly rows: readonly PlacedRow[]
  /** New content by digest. */
  readonly manifests: ReadonlyMap<string, Manifest>
}

/**
 * What is to be written so that clusters get what is wished for.
 *
 * 1. An object that another Placement gives a cluster, or still takes out of it, is not touched: the wish is refused, and says whose it is.
 * 2. A cluster where something is in the way keeps what it has and gets nothing new.
 * 3. What a Placement gave and no longer gives, or no longer may, leaves as its `onUnmatch` says.
 * @param present  all rows of the pairs that are decided, and of the objects that are wished for
 * @param due  true for present rows whose pair is decided now
 */
export function decide(
  wished: readonly Wish[],
  {
    present,
    due,
    onUnmatch,
  }: {
    readonly present: readonly PlacedRow[]
    readonly due: (row: PlacedRow) => boolean
    readonly onUnmatch: (row: PlacedRow) => PlacedRow['leaving']
  },
): Decision {
  const rows = new Map<string, PlacedRow>()
  const manifests = new Map<string, Manifest>()
  const holders = new Map(present.map((row) => [placeOf(row.clusterId, row), row]))
  const kept = new Set<string>()
  const wishOf = new Map(wished.map((wish) => [pair(wish.placement.uid, wish.cluster.id), wish]))
  const mayStay = (row: PlacedRow) => wishOf.get(pair(row.placement, row.clusterId))?.mayFill(row.ref.namespace) !== false
  const targets = wished.map((wish): Target => {
    const { cluster, expansion, placement, revision } = wish
    const target = { placement: placement.uid, clusterId: cluster.id, revision }
    const held = revision === undefined
    const conflicts = 'objects' in expansion ? conflictsOf(wish, expansion.objects, holders) : []
    const problems = 'problems' in expansion ? expansion.problems : conflicts
    if (problems.length > 0 || held) {
      kept.add(pair(placement.uid, cluster.id))
      return { ...target, problems, blocked: conflicts.length > 0 }
    }
    for (const { digest, manifest, ref } of 'objects' in expansion ? expansion.objects : []) {
      const row: PlacedRow = {
        clusterId: cluster.id,
        ref,
        placement: placement.uid,
        owner: ownerOf(placement),
        manifest: digest,
        leaving: undefined,
      }
      const place = placeOf(cluster.id, row)
      const before = holders.get(place)
      if (before?.manifest !== digest || before.placement !== placement.uid) {
        rows.set(place, row)
        manifests.set(digest, manifest)
      }
      holders.set(place, row)
      kept.add(place)
    }
    return { ...target, problems: [], blocked: false }
  })
  for (const row of present) {
    const place = placeOf(row.clusterId, row)
    if (!due(row) || row.leaving !== undefined || kept.has(place)) continue
    if (kept.has(pair(row.placement, row.clusterId)) && mayStay(row)) continue
    rows.set(place, { ...row, manifest: undefined, leaving: onUnmatch(row) ?? 'orphan' })
  }
  return { targets, rows: [...rows.values()], manifests }
}

function conflictsOf(
  { cluster, placement }: Wish,
  objects: Extract<Expansion, { objects: unknown }>['objects'],
  holders: ReadonlyMap<string, PlacedRow>,
) {
  return objects.flatMap(({ ref }) => {
    const holder = holders.get(placeOf(cluster.id, { ref }))
    if (!holder || holder.placement === placement.uid) return []
    const message =
      holder.leaving === undefined
        ? `Placement ${holder.owner} already gives the cluster this object`
        : `Placement ${holder.owner} is still taking this object out of the cluster`
    return [{ object: formatRef(ref), message }]
  })
}

function contentOf(placement: PlacementFacts, objects: readonly unknown[], taken: Content['taken']): Content {
  return { owner: ownerOf(placement), tenant: placement.tenant ?? '', firstNamespace: placement.firstNamespace, objects, taken }
}

/** `namespace/name` of a Placement. */
export function ownerOf({ name, namespace }: Pick<PlacementFacts, 'name' | 'namespace'>): string {
  return `${namespace}/${name}`
}

/** Key of a pair of Placement and cluster, or of Placement and revision. */
export function pair(placement: string, other: string): string {
  return `${placement} ${other}`
}

function placeOf(clusterId: string, { ref }: Pick<PlacedRow, 'ref'>): string {
  return `${clusterId} ${refKey(ref)}`
}
