import type { Stage } from './stage.ts'

/** The clusters of the demo. */
export const CLUSTERS = ['staging', 'production-eu', 'production-us'] as const

/** One thing that the demo shows. */
export interface Step {
  readonly title: string
  /** What is about to happen, for somebody who has never seen it. */
  readonly says: string
  readonly deadlineMs: number
  /** Throws what went wrong, in one sentence. */
  run(stage: Stage, signal: AbortSignal): Promise<Seen>
}

/** What a step has shown, and the one time that sums it up. */
export interface Seen {
  readonly seen: string
  readonly ms: number
}

export type Outcome =
  | ({ readonly kind: 'ok'; readonly title: string } & Seen)
  | { readonly kind: 'failed'; readonly title: string; readonly why: string; readonly ms: number }
  | { readonly kind: 'not run'; readonly title: string }
