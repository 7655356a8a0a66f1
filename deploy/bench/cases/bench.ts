import type { Follower } from '../bed/follow.ts'
import type { ClusterWorld } from '../bed/world.ts'
import type { Recorder } from '../figures.ts'
import type { Measured } from '../measure/window.ts'
import type { BenchOptions } from '../options.ts'

/** What the cases on one real cluster share. */
export interface Bench {
  readonly n: number
  readonly world: ClusterWorld
  readonly kustomizations: Follower
  readonly configMaps: Follower
  readonly options: BenchOptions
  readonly figures: Recorder
  readonly signal: AbortSignal
  /** Does something and says what it cost. */
  measured<T>(name: string, work: () => Promise<T>, tailMs?: number): Promise<Measured<T>>
}
