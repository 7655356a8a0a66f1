import { canonicalJson } from '../../proto/base/canonical.ts'
import { metaTime } from '../../proto/model/condition.ts'
import type { Manifest } from '../../proto/model/manifest.ts'

/** What becomes of an object when a client writes it: the next state, nothing to do, or its end. */
export type Next = { readonly kind: 'write'; readonly manifest: Manifest } | { readonly kind: 'same' } | { readonly kind: 'gone' }

/** A fresh object: generation 1, no status but the kind's first one; what clients may not set is dropped. */
export function createdManifest(
  wanted: Manifest,
  { uid, now, status }: { readonly uid: string; readonly now: Date; readonly status: Readonly<Record<string, unknown>> | undefined },
): Manifest {
  const { status: _given, metadata, ...rest } = wanted
  const { resourceVersion: _version, managedFields: _fields, deletionTimestamp: _deleted, selfLink: _link, ...kept } = metadata
  return { ...rest, metadata: { ...kept, uid, generation: 1, creationTimestamp: metaTime(now) }, ...(status ? { status } : {}) }
}

/**
 * The object after a client replaced it by `wanted`. Identity, times and status stay; the generation grows only when
 * something beside metadata changes; an object that is being deleted goes with its last finalizer.
 */
export function replacedManifest(old: Manifest, wanted: Manifest): Next {
  const { resourceVersion: _version, managedFields: _fields, selfLink: _link, ...metadata } = wanted.metadata
  const { status: _given, ...content } = wanted
  const generation = old.metadata.generation ?? 1
  const next: Manifest = {
    ...content,
    metadata: { ...metadata, ...fixedMetadata(old), generation: sameContent(old, wanted) ? generation : generation + 1 },
    ...(old.status === undefined ? {} : { status: old.status }),
  }
  return settled(old, next)
}

/** The object with another status and nothing else changed. */
export function statusManifest(old: Manifest, status: unknown): Next {
  return settled(old, { ...old, status })
}

/** The object when somebody asks for its deletion: gone, or marked while finalizers hold it. */
export function deletedManifest(old: Manifest, now: Date): Next {
  if ((old.metadata.finalizers ?? []).length === 0) return { kind: 'gone' }
  if (old.metadata.deletionTimestamp) return { kind: 'same' }
  const generation = (old.metadata.generation ?? 1) + 1
  return { kind: 'write', manifest: { ...old, metadata: { ...old.metadata, generation, deletionTimestamp: metaTime(now) } } }
}

function fixedMetadata({ metadata: { name, namespace, uid, creationTimestamp, deletionTimestamp } }: Manifest) {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
  }
}

function settled(old: Manifest, next: Manifest): Next {
  if (old.metadata.deletionTimestamp && (next.metadata.finalizers ?? []).length === 0) return { kind: 'gone' }
  return canonicalJson(withoutVersion(old)) === canonicalJson(withoutVersion(next)) ? { kind: 'same' } : { kind: 'write', manifest: next }
}

function sameContent(a: Manifest, b: Manifest): boolean {
  return canonicalJson(contentOf(a)) === canonicalJson(contentOf(b))
}

function contentOf({ apiVersion: _version, kind: _kind, metadata: _metadata, status: _status, ...content }: Manifest): unknown {
  return content
}

function withoutVersion(manifest: Manifest): unknown {
  const { resourceVersion: _version, ...metadata } = manifest.metadata
  return { ...manifest, metadata: Object.fromEntries(Object.entries(metadata).filter(([, value]) => !isEmpty(value))) }
}

function isEmpty(value: unknown): boolean {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0)
}
