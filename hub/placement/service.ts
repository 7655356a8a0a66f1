import type { PlacementSpec } from '../../proto/model/fleet/placement.ts'
import type { Problem } from '../../proto/model/ids.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { examine } from './admit.ts'
import { type Explained, explainer } from './explain.ts'
import { withFinalizer } from './finalizer.ts'
import type { PlacementFacts } from './model.ts'
import type { PlacementStore } from './ports.ts'
import { refresh, settle, type UpkeepDeps } from './upkeep.ts'

/** What goes where. */
export interface PlacementService {
  /** Brings what clusters are given in line with placements, clusters and tenants. Recomputed from rows each time. */
  settle(signal: AbortSignal): Promise<void>
  /** Writes the status of these placements, or of all, and lets go of those that have nothing anywhere any more. */
  refresh(placements?: readonly string[]): Promise<void>
  /** Placements whose state may depend on these clusters. */
  concerned(clusters: readonly string[]): Promise<readonly string[]>
  /** These placements are to be settled anew although they did not change, such as when a Rollout grants a revision. */
  again(placements: readonly string[]): Promise<void>
  /** All that is wrong with a Placement that is about to be written, and what its author may want to know. */
  admit(manifest: Manifest): Promise<{ readonly problems: readonly Problem[]; readonly warnings: readonly string[] }>
  /** The Placement as it is stored: held until every cluster said that its objects are gone. */
  held(manifest: Manifest): Manifest
  /** For clusters after `after` by name, among those that `sees` admits, why each has the objects or has not. */
  explain(
    manifest: Manifest,
    options: { readonly sees: (cluster: string) => boolean; readonly after: string; readonly limit: number },
  ): Promise<{ readonly items: readonly Explained[]; readonly next: string | undefined }>
}

export function createPlacementService(deps: UpkeepDeps): PlacementService {
  const { standings, store } = deps
  return {
    settle: (signal) => settle(deps, signal),
    refresh: (placements) => refresh(deps, placements),
    concerned: (clusters) => standings.concerned(clusters),
    again: (placements) => store.again(placements),
    held: withFinalizer,

    async admit(manifest) {
      const [placement, clusters, taken] = await Promise.all([factsOf(store, manifest), store.clusters(), store.taken()])
      return examine({ placement, clusters, taken })
    },

    async explain(manifest, { after, limit, sees }) {
      const [placement, clusters] = await Promise.all([factsOf(store, manifest), store.clusters()])
      const rest = clusters.filter(({ name }) => name > after && sees(name)).sort((a, b) => (a.name < b.name ? -1 : 1))
      const page = rest.slice(0, limit)
      const rows = await standings.details(
        placement.uid,
        page.map(({ id }) => id),
      )
      const details = new Map(rows.map((detail) => [detail.clusterId, detail]))
      const explain = explainer(placement)
      const items = page.map((cluster) => explain(cluster, details.get(cluster.id)))
      return { items, next: rest.length > page.length ? page.at(-1)?.name : undefined }
    },
  }
}

async function factsOf(store: PlacementStore, { metadata, spec }: Manifest): Promise<PlacementFacts> {
  const namespace = metadata.namespace ?? ''
  const tenant = (await store.taken()).get(namespace)
  return {
    uid: metadata.uid ?? '',
    namespace,
    name: metadata.name,
    generation: metadata.generation ?? 1,
    tenant,
    firstNamespace: (tenant && (await store.firstNamespace(tenant))) ?? namespace,
    leaving: metadata.deletionTimestamp !== undefined,
    spec: spec as PlacementSpec,
  }
}
