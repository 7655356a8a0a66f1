import type { Seen } from './model.ts'
import type { Stage } from './stage.ts'

/** One thing that the demo shows. */
export interface Step {
  readonly title: string
  /** What is about to happen, for somebody who has never seen it. */
  readonly says: string
  readonly deadlineMs: number
  /** Throws what went wrong, in one sentence. */
  run(stage: Stage, signal: AbortSignal): Promise<Seen>
}
