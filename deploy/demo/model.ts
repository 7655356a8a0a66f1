/** The clusters of the demo. */
export const CLUSTERS = ['staging', 'production-eu', 'production-us'] as const

/** What a step has shown, and the one time that sums it up. */
export interface Seen {
  readonly seen: string
  readonly ms: number
}

export type Outcome =
  | ({ readonly kind: 'ok'; readonly title: string } & Seen)
  | { readonly kind: 'failed'; readonly title: string; readonly why: string; readonly ms: number }
  | { readonly kind: 'not run'; readonly title: string }
