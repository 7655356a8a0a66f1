import type { Manifest } from '../../../proto/model/manifest.ts'
import { apiVersionOf } from '../../../proto/model/object-ref.ts'
import type { ApiResponse, Served, View } from '../model.ts'
import type { Form } from '../request/accept.ts'
import { type IncludeObject, partialMetadata, table } from './table.ts'

/** How answers to one request look. */
export interface Look {
  readonly form: Form
  readonly include: IncludeObject
  readonly served: Served
  readonly view: View
  readonly now: Date
}

export interface Listed {
  readonly objects: readonly Manifest[]
  readonly resourceVersion: string
  readonly continue?: string | undefined
}

export function renderOne(object: Manifest, look: Look, code = 200): ApiResponse {
  return { kind: 'json', code, body: one(object, look, true) }
}

export function renderList({ objects, resourceVersion, continue: next }: Listed, look: Look): ApiResponse {
  const metadata = { resourceVersion, ...(next ? { continue: next } : {}) }
  return { kind: 'json', code: 200, body: list(objects, metadata, look) }
}

/** One line of a watch. `first` events of tables carry the column definitions. */
export function renderEvent(type: string, object: Manifest, look: Look & { readonly first: boolean }): string {
  return `${JSON.stringify({ type, object: one(object, look, look.first) })}\n`
}

/** A bookmark: an object of the kind that is nothing but its version. */
export function renderBookmark(resourceVersion: string, look: Look & { readonly initialEnd: boolean; readonly first: boolean }): string {
  const { group, kind, version } = look.served.resource
  const object: Manifest = {
    apiVersion: apiVersionOf(group, version),
    kind,
    metadata: {
      name: '',
      resourceVersion,
      creationTimestamp: null,
      ...(look.initialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    },
  }
  return renderEvent('BOOKMARK', object, look)
}

function one(object: Manifest, look: Look, definitions: boolean): unknown {
  if (look.form === 'metadata') return partialMetadata(object)
  if (look.form === 'table')
    return table([object], tableOptions(look, { metadata: { resourceVersion: object.metadata.resourceVersion ?? '' }, definitions }))
  return object
}

function list(objects: readonly Manifest[], metadata: Readonly<Record<string, unknown>>, look: Look): unknown {
  if (look.form === 'table') return table(objects, tableOptions(look, { metadata, definitions: true }))
  if (look.form === 'metadata')
    return { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items: objects.map(partialMetadata) }
  const { group, kind, version } = look.served.resource
  return { kind: `${kind}List`, apiVersion: apiVersionOf(group, version), metadata, items: objects }
}

function tableOptions(look: Look, more: { readonly metadata: Readonly<Record<string, unknown>>; readonly definitions: boolean }) {
  return { columns: look.served.columns, withCluster: look.view.kind === 'all', include: look.include, now: look.now, ...more }
}
