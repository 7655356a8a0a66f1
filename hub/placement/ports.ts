import type { Manifest } from '../../proto/model/manifest.ts'
import type { ClusterFacts, PlacedRow, PlacementNews, TargetProblem, TargetState } from './model.ts'

type At = { readonly namespace: string; readonly name: string }

/** The Placements of the fleet, as far as their state is written. */
export interface PlacementObjects {
  get(at: At): Promise<Manifest | undefined>
  changeStatus(at: At, change: (old: Manifest) => unknown): Promise<void>
  change(at: At, change: (old: Manifest) => Manifest): Promise<void>
}

/** What a settlement changed. */
export interface Settled {
  /** Clusters that have news. */
  readonly clusters: readonly string[]
  /** uids of placements whose state is not as it was. */
  readonly placements: readonly string[]
  /** True when there may be more to settle. */
  readonly more: boolean
}

/** The rows that say what goes where. All writes are set-based. */
export interface PlacementStore {
  /** Decides what is due, in one transaction under a lock. Repeatable: the second time changes nothing. */
  settle(): Promise<Settled>
  /** All members of the fleet, as placements read them. */
  clusters(): Promise<readonly ClusterFacts[]>
  /** Namespaces that are some tenant's, and whose. */
  taken(): Promise<ReadonlyMap<string, string>>
  firstNamespace(tenant: string): Promise<string | undefined>
  /** These placements are due again although they did not change. */
  again(placements: readonly string[]): Promise<void>
}

/** How a Placement is doing, as rows say it. */
export interface Standing {
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly generation: number
  readonly revision: string
  /** Empty where its namespace belongs to no tenant. */
  readonly tenant: string
  readonly counts: Readonly<Record<TargetState, number>>
  /** Clusters that are chosen. */
  readonly matched: number
  /** The first ones, by name of the cluster. */
  readonly problems: readonly (TargetProblem & { readonly cluster: string })[]
  readonly problemCount: number
}

/** How one cluster is doing by a Placement. */
export interface Detail {
  readonly clusterId: string
  readonly state: TargetState
  readonly problems: readonly TargetProblem[]
  /** The Rollout that has not given it the newest objects yet, as `namespace/name`. */
  readonly keptBack?: string | undefined
  readonly rows: readonly (Pick<PlacedRow, 'ref' | 'leaving'> & { readonly state: string; readonly message: string })[]
}

/** Reads of what became of placements. */
export interface StandingStore {
  /** Of these placements, or of all that were ever settled. */
  standings(placements?: readonly string[]): Promise<readonly Standing[]>
  details(placement: string, clusters: readonly string[]): Promise<readonly Detail[]>
  /** Placements that have to do with these clusters. */
  concerned(clusters: readonly string[]): Promise<readonly string[]>
  /** Clusters of all placements by state, each as often as placements have to do with it. */
  counts(): Promise<Readonly<Partial<Record<TargetState, number>>>>
  /** Writes down what people may want to hear of a Placement. */
  record(standing: Pick<Standing, 'namespace' | 'name' | 'revision'>, news: readonly PlacementNews[]): Promise<void>
  /** Forgets placements that have nothing in any cluster any more. */
  forget(placements: readonly string[]): Promise<void>
}
