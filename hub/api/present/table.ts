import type { Manifest } from '../../../proto/model/manifest.ts'
import { CLUSTER_LABEL } from '../../../proto/model/names.ts'
import type { PrinterColumn } from '../../../proto/model/resource/kind.ts'
import { age } from './age.ts'
import { jsonPath } from './json-path.ts'

/** What each row carries beside its cells. */
export type IncludeObject = 'None' | 'Metadata' | 'Object'

export interface TableOptions {
  readonly columns: readonly PrinterColumn[]
  /** The view over all clusters says which one first. */
  readonly withCluster: boolean
  readonly include: IncludeObject
  readonly now: Date
  readonly metadata: Readonly<Record<string, unknown>>
  /** Definitions stand in the first event of a watch alone. */
  readonly definitions: boolean
}

/** The objects as a meta.k8s.io/v1 Table: the columns of `kubectl get`, those of `-o wide` with a priority above 0. */
export function table(objects: readonly Manifest[], options: TableOptions): Readonly<Record<string, unknown>> {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: options.metadata,
    columnDefinitions: options.definitions ? definitions(options) : null,
    rows: objects.map((object) => ({
      cells: [
        ...(options.withCluster ? [object.metadata.labels?.[CLUSTER_LABEL] ?? ''] : []),
        object.metadata.name,
        ...options.columns.map((column) => cell(column, object, options.now)),
      ],
      ...included(object, options.include),
    })),
  }
}

/** What lists of metadata hold. */
export function partialMetadata(object: Manifest): Readonly<Record<string, unknown>> {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata }
}

function definitions({ columns, withCluster }: TableOptions): readonly Readonly<Record<string, unknown>>[] {
  const plain = { type: 'string', format: '', priority: 0 }
  return [
    ...(withCluster ? [{ ...plain, name: 'Cluster', description: 'Cluster that the object is in.' }] : []),
    { ...plain, name: 'Name', format: 'name', description: 'Name of the object.' },
    ...columns.map(({ description, name, priority, type }) => ({
      name,
      type: type === 'date' ? 'string' : type,
      format: '',
      description: description ?? name,
      priority: priority ?? 0,
    })),
  ]
}

function cell({ jsonPath: path, type }: PrinterColumn, object: Manifest, now: Date): unknown {
  const value = jsonPath(path, object)
  if (type === 'date') return age(value, now)
  if (value === undefined || value === null) return null
  if (type === 'string') return typeof value === 'string' ? value : joined(value)
  return value
}

function joined(value: unknown): string {
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value.join(',') : JSON.stringify(value)
}

function included(object: Manifest, include: IncludeObject): { readonly object?: unknown } {
  if (include === 'None') return {}
  return { object: include === 'Object' ? object : partialMetadata(object) }
}
