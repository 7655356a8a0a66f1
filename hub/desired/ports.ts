import type { Built, Target, Wanted } from './model.ts'

/** What a target needs built: the distinct options over the consumers that `fanOut` would need answers for. */
export interface WantedBuilds {
  readonly target: Target
  readonly wanted: readonly Wanted[]
}

/** What was built for a target; nothing where nothing was wanted. */
export interface Answered {
  readonly target: Target
  readonly built: readonly Built[]
}

/** An object of a cluster that refers to a source. */
export interface SourceObject {
  readonly clusterId: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** What is to be done for a source. */
export interface Plan {
  /** Its objects with something to do. */
  readonly objects: readonly SourceObject[]
  readonly builds: readonly WantedBuilds[]
}

/** What was built for targets of a source, and its objects with something to do. */
export interface FanOut {
  readonly sourceKey: string
  readonly objects: readonly SourceObject[]
  readonly answers: readonly Answered[]
}

/** The rows that say what clusters should hold. All writes are set-based and take change numbers from the clusters' heads. */
export interface DesiredStore {
  /**
   * For each source its objects with something to do, and their distinct targets: the newest revision, what rollouts granted,
   * what suspended objects stay at.
   * @returns in the order of the keys
   */
  wanted(sourceKeys: readonly string[]): Promise<readonly Plan[]>
  /**
   * In one transaction, for the objects that were found to have something to do: desired rows that differ, then releases of clusters whose consumers all have their answer,
   * then the status of the sources' objects: with no answers that alone, such as what the last check came to.
   * @returns the clusters that have news
   */
  fanOut(sources: readonly FanOut[]): Promise<readonly string[]>
  /** Sources for which `settle` would change something: all of them, or whether this one does. */
  due(sourceKey?: string): Promise<readonly string[]>
}

/** Turns a tree and options into bundles; known builds are answered without building. */
export type Render = (
  artifact: string,
  wanted: readonly Wanted[],
  options: { readonly signal: AbortSignal; readonly onBuilt: (batch: readonly Built[]) => Promise<void> },
) => Promise<void>

/** Tells the replicas that hold these clusters' sessions that there is something to read. */
export type Hint = (clusters: readonly string[]) => Promise<void>
