import type { Manifest } from '../../proto/model/manifest.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'
import type { Selector } from '../../proto/model/selector.ts'

/** Where objects live: the fleet itself, or a cluster by its id. */
export const FLEET_SCOPE = 'fleet'
/** In a query: every cluster, also those that join later. */
export const ALL_CLUSTERS = '*'

/** Place in the order of the store: the writing transaction, and the ordinal of the write. */
export interface Version {
  readonly xid: bigint
  readonly seq: bigint
}

export interface ObjectKey extends ObjectRef {
  readonly scope: string
}

/** An object as it is served, and what the store knows beside it. */
export interface StoredObject {
  readonly scope: string
  /** Complete; `resourceVersion` is the hub's. */
  readonly manifest: Manifest
  /** The newest of the row's version and that of what is served with it. */
  readonly version: Version
  /** The row's own version: what a write is checked against. */
  readonly rowVersion: Version
  /** The cluster's resourceVersion, for mirrors. */
  readonly originVersion: string | undefined
  readonly createdXid: bigint
}

/** How much of an object a list needs: `slim` leaves out what tables never show (inventory, history). */
export type Detail = 'full' | 'slim'

export interface ListQuery {
  readonly group: string
  readonly kind: string
  readonly scopes: readonly string[]
  /** Every namespace where absent. */
  readonly namespaces?: readonly string[] | undefined
  readonly names?: readonly string[] | undefined
  readonly labels: Selector
  readonly limit?: number | undefined
  readonly after?: PageKey | undefined
  readonly detail: Detail
}

/** The last object of a page; pages are ordered by namespace, name, scope. */
export interface PageKey {
  readonly namespace: string
  readonly name: string
  readonly scope: string
}

export interface ObjectPage {
  readonly objects: readonly StoredObject[]
  /** A watch from here misses nothing that came after the page. */
  readonly resourceVersion: string
  readonly next: PageKey | undefined
}

export const CHANGES = ['ADDED', 'MODIFIED', 'DELETED'] as const

/** What a watcher is told: a change of an object, or that nothing older than a version will come. */
export type WatchEvent =
  | { readonly type: (typeof CHANGES)[number]; readonly object: StoredObject }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEnd: boolean }

/** One write of the log: an object as it is now, or as it last was. */
export interface NewsItem {
  readonly deleted: boolean
  readonly object: StoredObject
}

export interface WatchQuery extends Omit<ListQuery, 'limit' | 'after'> {
  /** Where to start; absent or `0`: the present state as ADDED events, then what follows. */
  readonly from?: string | undefined
  readonly bookmarks: boolean
  /** Send a bookmark marked as the end of the present state. */
  readonly initialEvents: boolean
}
