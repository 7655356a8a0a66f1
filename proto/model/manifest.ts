import { groupOf, type ObjectRef } from './object-ref.ts'

export interface OwnerReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  readonly controller?: boolean
  readonly blockOwnerDeletion?: boolean
}

export interface ObjectMeta {
  readonly name: string
  readonly namespace?: string
  readonly uid?: string
  readonly resourceVersion?: string
  readonly generation?: number
  readonly creationTimestamp?: string | null
  readonly deletionTimestamp?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly finalizers?: readonly string[]
  readonly ownerReferences?: readonly OwnerReference[]
  readonly managedFields?: readonly ManagedField[]
  readonly [other: string]: unknown
}

export interface ManagedField {
  readonly manager?: string
  readonly operation?: string
  readonly apiVersion?: string
  readonly time?: string
  readonly subresource?: string
  readonly fieldsType?: string
  readonly fieldsV1?: Readonly<Record<string, unknown>>
}

/** A Kubernetes object as it is written and served; everything beside the four known members is the kind's own. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
  readonly [member: string]: unknown
}

export function refOf(manifest: Pick<Manifest, 'apiVersion' | 'kind' | 'metadata'>): ObjectRef {
  return {
    group: groupOf(manifest.apiVersion),
    kind: manifest.kind,
    namespace: manifest.metadata.namespace ?? '',
    name: manifest.metadata.name,
  }
}

/** The value of a label or, where the label is absent, of an annotation: Flux accepts its switches as either. */
export function labelOrAnnotation(manifest: Manifest, key: string): string | undefined {
  return manifest.metadata.labels?.[key] ?? manifest.metadata.annotations?.[key]
}

/** True for anything with apiVersion, kind and metadata.name, the least that makes an object addressable. */
export function isManifest(value: unknown): value is Manifest {
  if (typeof value !== 'object' || value === null) return false
  const { apiVersion, kind, metadata } = value as Record<string, unknown>
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || apiVersion === '' || kind === '') return false
  return typeof metadata === 'object' && metadata !== null && typeof (metadata as Record<string, unknown>).name === 'string'
}
