import type { Awaited } from './model.ts'

/** Watches that tell of objects for as long as they are held. */
export interface HealthWatches {
  /** Follows the objects, owned ones by shared watches and others one by one, until disposed. */
  hold(subject: string, objects: readonly Awaited[]): Disposable
  /** Reads the objects once, and tells of them as a watch would. */
  look(subject: string, objects: readonly Awaited[], signal: AbortSignal): void
}
