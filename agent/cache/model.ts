import type { ClusterFact, Cursor, DesiredFact, PlacedFact, ReleaseFact, SourceStatusFact, TenantFact } from '../../proto/model/facts.ts'

/** What the agent holds of the hub's word, by the key of the object it is about. */
export interface Holdings {
  /** How far the hub's numbered facts are held; undefined when nothing is. */
  readonly cursor: Cursor | undefined
  readonly desired: ReadonlyMap<string, DesiredFact>
  readonly releases: ReadonlyMap<string, ReleaseFact>
  readonly sourceStatuses: ReadonlyMap<string, SourceStatusFact>
  readonly tenants: ReadonlyMap<string, TenantFact>
  readonly placed: ReadonlyMap<string, PlacedFact>
  /** What the fleet knows of this cluster. */
  readonly cluster: ClusterFact | undefined
  /** Source objects whose release covers exactly the desired facts that are held. */
  readonly complete: ReadonlySet<string>
}

export const NOTHING_HELD: Holdings = {
  cursor: undefined,
  desired: new Map(),
  releases: new Map(),
  sourceStatuses: new Map(),
  tenants: new Map(),
  placed: new Map(),
  cluster: undefined,
  complete: new Set(),
}

/** What is to be done for a consumer, as far as the hub has spoken. */
export type Verdict =
  | { readonly kind: 'bundle'; readonly digest: string; readonly revision: string }
  | { readonly kind: 'problem'; readonly reason: string; readonly message: string; readonly revision: string }
  /** The hub has not said anything about these options or this source yet: no decision, never an empty build. */
  | { readonly kind: 'waiting'; readonly for: 'release' | 'desired' }
