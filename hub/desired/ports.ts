import type { Built, Target, Wanted } from './model.ts'

/** The rows that say what clusters should hold. All writes are set-based and take change numbers from the clusters' heads. */
export interface DesiredStore {
  /** The distinct targets of a source's objects: the newest revision, and those that suspended objects stay at. */
  targets(sourceKey: string): Promise<readonly Target[]>
  /** The distinct options over the consumers that `fanOut` would need answers for. */
  wanted(sourceKey: string, target: Target): Promise<readonly Wanted[]>
  /**
   * In one transaction: desired rows that differ, then releases of clusters whose consumers all have their answer,
   * then the status of their source objects.
   * @returns the clusters that have news
   */
  fanOut(sourceKey: string, target: Target, built: readonly Built[]): Promise<readonly string[]>
  /** Tells source objects what the last check of their source came to, where that is news. @returns the clusters that have news */
  answer(sourceKey: string): Promise<readonly string[]>
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
