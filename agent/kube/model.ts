import type { Manifest } from '../../proto/model/manifest.ts'
import type { Discovery } from './discovery.ts'
import type { Subject } from './subject.ts'

/** One object by kind and name; the version says in which form it is read. */
export interface ObjectAt {
  readonly apiVersion: string
  readonly kind: string
  /** Absent or empty for cluster-scoped kinds; ignored where the kind is cluster-scoped. */
  readonly namespace?: string
  readonly name: string
}

/** A set of objects of one kind; without namespace, of all namespaces. */
export interface Collection {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** Objects without anything but their metadata. */
  readonly metadataOnly?: boolean
}

/** Options of every request. */
export interface Ask {
  readonly signal: AbortSignal
  /** Default 30 s. */
  readonly timeoutMs?: number
}

export interface WriteOptions extends Ask {
  readonly fieldManager: string
  readonly dryRun?: boolean
  readonly subresource?: string
}

export interface ApplyOptions extends WriteOptions {
  /** Take over fields that other managers own instead of failing with a conflict. */
  readonly force: boolean
}

export interface PatchOptions extends WriteOptions {
  readonly type: 'merge' | 'json'
  readonly body: unknown
}

export interface RemoveOptions extends Ask {
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan'
  /** Delete only the object with this uid; another one of the same name is a `conflict`. */
  readonly uid?: string
}

export interface ListPage {
  readonly items: readonly Manifest[]
  readonly resourceVersion: string
}

export type WatchEvent =
  | { readonly kind: 'upsert'; readonly object: Manifest }
  | { readonly kind: 'delete'; readonly object: Manifest }
  | { readonly kind: 'bookmark'; readonly resourceVersion: string }

export interface AccessQuestion {
  readonly verb: string
  readonly group: string
  readonly resource: string
  readonly namespace?: string
  readonly name?: string
  readonly subresource?: string
}

/** The API server as one identity sees it. Errors are FleetErrors with Kubernetes' own words; see classify.ts. */
export interface Kube {
  readonly discovery: Discovery
  /** Undefined when there is no such object; `not-found` when its kind is not served. */
  get(at: ObjectAt, ask: Ask): Promise<Manifest | undefined>
  /** Pages of at most `limit` objects (default 250). */
  list(of: Collection, ask: Ask & { readonly limit?: number }): AsyncGenerator<ListPage>
  /** Events after `resourceVersion` until the server ends the stream; `gone` when that version is too old. */
  watch(of: Collection, options: { readonly resourceVersion: string; readonly signal: AbortSignal }): AsyncGenerator<WatchEvent>
  create(object: Manifest, options: WriteOptions): Promise<Manifest>
  apply(object: Manifest, options: ApplyOptions): Promise<Manifest>
  patch(at: ObjectAt, options: PatchOptions): Promise<Manifest>
  /** `absent` when there was nothing to delete; `deleting` may still wait for finalizers. */
  remove(at: ObjectAt, options: RemoveOptions): Promise<'deleting' | 'absent'>
  /** SelfSubjectAccessReview. */
  may(question: AccessQuestion, ask: Ask): Promise<boolean>
}

/** A client that can only act as one ServiceAccount. It cannot be made without a subject. */
export interface ImpersonatedKube extends Kube {
  readonly subject: Subject
}
