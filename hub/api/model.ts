import type { PrinterColumn, ResourceKind } from '../../proto/model/resource/kind.ts'
import type { Subject, Verb } from '../tenants/model.ts'

/** What a path begins with: the fleet's own objects, one cluster's, or every visible cluster's at once. */
export type View = { readonly kind: 'fleet' } | { readonly kind: 'cluster'; readonly cluster: string } | { readonly kind: 'all' }

/** A request as the door took it in: who, what, and how the answer should look. */
export interface ApiRequest {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly accept: string
  readonly contentType: string
  readonly body: Uint8Array
  readonly userAgent: string
  readonly subject: Subject
  readonly signal: AbortSignal
}

/** What goes back; `stream` chunks are sent as they come. */
export type ApiResponse =
  | {
      readonly kind: 'json'
      readonly code: number
      readonly body: unknown
      readonly contentType?: string
      readonly warnings?: readonly string[]
    }
  | { readonly kind: 'text'; readonly contentType: string; readonly text: string }
  | { readonly kind: 'stream'; readonly contentType: string; readonly chunks: AsyncIterable<string> }

/** Something served at `…/<plural>`. */
export interface Served {
  readonly resource: ResourceKind
  readonly singular: string
  readonly verbs: readonly Verb[]
  readonly subresources: readonly string[]
  /** Columns after the name, where the kind's own do not do. */
  readonly columns: readonly PrinterColumn[]
}

/** Which object or objects of which kind a request is about. */
export interface Target {
  readonly view: View
  readonly served: Served
  readonly verb: Verb
  readonly namespace: string
  readonly name: string
  readonly subresource: string
}
