import type { Manifest } from '../../proto/model/manifest.ts'
import type { ListQuery, NewsItem, ObjectKey, ObjectPage, StoredObject, Version } from './model.ts'

/** An object as it was read, and the status that it is to have. */
export interface NextStatus {
  readonly object: StoredObject
  readonly status: unknown
}

/** The rows of objects. Every write is one transaction; whoever watches is woken when it commits. */
export interface ObjectStore {
  get(key: ObjectKey): Promise<StoredObject | undefined>
  /** Those that are there. */
  getAll(keys: readonly ObjectKey[]): Promise<readonly StoredObject[]>
  list(query: ListQuery): Promise<ObjectPage>
  /** @throws `already-exists` */
  insert(scope: string, manifest: Manifest): Promise<StoredObject>
  /** Writes over the row that has `expected`; undefined when it has moved on or is gone. */
  replace(object: StoredObject, manifest: Manifest): Promise<StoredObject | undefined>
  /** Writes the status over each row that has its object's version. @returns the objects that were written; the others have moved on or are gone */
  replaceStatuses(all: readonly NextStatus[]): Promise<ReadonlySet<StoredObject>>
  /** Removes the row that has the object's version, leaving a tombstone; undefined when it has moved on or is gone. */
  remove(object: StoredObject): Promise<StoredObject | undefined>
}

/** The order in which transactions ended, as readers need it. */
export interface Frontier {
  /** Everything below has ended. */
  readonly xmin: bigint
  /** Nothing at or above has begun. */
  readonly xmax: bigint
  readonly horizon: bigint
  readonly lineage: bigint
}

export interface NewsRange {
  readonly from: Version
  readonly below: bigint
  readonly kinds: readonly { readonly group: string; readonly kind: string }[]
  readonly scopes: readonly string[]
}

/** Reads what was written, in order. */
export interface NewsReader {
  frontier(): Promise<Frontier>
  /** Writes after `from` in transactions below `below`, in order, of what somebody watches. */
  read(range: NewsRange): Promise<readonly NewsItem[]>
  /** Resolves at the next hint that something was written, or after a while. */
  nextHint(signal: AbortSignal): Promise<void>
}
