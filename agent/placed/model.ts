import type { ServiceAccountRef } from '../../proto/model/identities.ts'
import type { Manifest } from '../../proto/model/manifest.ts'

/** What is to be done about one object that a Placement puts into the cluster, or takes out of it. */
export type PlacedStep =
  /** It is as it should be. */
  | { readonly kind: 'in-place' }
  | { readonly kind: 'apply'; readonly account: ServiceAccountRef; readonly manifest: Manifest }
  | { readonly kind: 'remove'; readonly account: ServiceAccountRef; readonly live: Manifest }
  /** It is not there, is nobody's of ours, or was let go. */
  | { readonly kind: 'gone' }
  /** It is on its way out; `message` says what it waits for, where there is something to say. */
  | { readonly kind: 'removing'; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string }
