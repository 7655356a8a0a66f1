import { describeObject } from '../../../agent/report/describe.ts'
import type { Applied, ConsumerState, Describe } from '../../../agent/report/model.ts'
import { sha256 } from '../../../proto/base/hash.ts'
import { metaTime } from '../../../proto/model/condition.ts'
import { type Manifest, refOf } from '../../../proto/model/manifest.ts'
import { SOURCE_GROUP } from '../../../proto/model/names.ts'
import { type ObjectRef, refKey } from '../../../proto/model/object-ref.ts'
import type { VersionedRef } from '../../../proto/model/report.ts'

/** The Flux objects of a pretended cluster, as its agent would mirror them. Objects go by the key of their reference. */
export interface SimulatedMirror {
  keys(): readonly string[]
  readonly describe: Describe
  /** Brings an object into the cluster. @returns false where it was there already, with the same spec */
  put(object: Manifest): boolean
  /** Takes an object out of the cluster; undefined where it is not there. */
  remove(key: string): VersionedRef | undefined
  /** Keys of the Kustomizations that consume a source. */
  consumersOf(source: string): readonly string[]
  states(source: string): readonly ConsumerState[]
  /** An object is Ready at a revision. @returns true where a hub that knows the revision would see another object than before */
  ready(key: string, revision: string): boolean
  /** What a Kustomization applies of a bundle: nothing that is a Flux object. */
  applied(key: string, bundle: string): Applied | undefined
  /** Somebody asks that a source be looked at now. */
  request(key: string, at: string): void
}

interface Held {
  readonly object: Manifest
  readonly ref: ObjectRef
  /** Undefined before its first success. */
  revision: string | undefined
  version: number
}

const NO_CREDENTIAL = { sealedCredential: undefined, credentialProblem: undefined, hash: '' }

export function createMirror(uid: string, born: readonly Manifest[]): SimulatedMirror {
  const held = new Map<string, Held>()
  const consumers = new Map<string, Set<string>>()
  const consumersOf = (source: string) => consumers.get(source) ?? new Set<string>()
  const put = (object: Manifest): boolean => {
    const ref = refOf(object)
    const key = refKey(ref)
    const before = held.get(key)
    if (before && JSON.stringify(before.object.spec) === JSON.stringify(object.spec)) return false
    const generation = (before?.object.metadata.generation ?? 0) + 1
    const metadata = { ...object.metadata, uid: `${uid}-${key}`, generation, creationTimestamp: '2026-01-01T00:00:00Z' }
    held.set(key, { object: { ...object, metadata }, ref, revision: undefined, version: (before?.version ?? 0) + 1 })
    const source = sourceOf(object)
    if (source) consumers.set(source, consumersOf(source).add(key))
    return true
  }
  for (const object of born) put(object)
  return {
    put,
    keys: () => [...held.keys()],
    consumersOf: (source) => [...consumersOf(source)],
    states: (source) => [...consumersOf(source)].flatMap((key) => stateOf(key, held.get(key)) ?? []),
    async describe(key) {
      const one = held.get(key)
      return one && describe(one)
    },
    remove(key) {
      const one = held.get(key)
      if (!one) return undefined
      held.delete(key)
      consumersOf(sourceOf(one.object) ?? '').delete(key)
      return { ref: one.ref, uid: one.object.metadata.uid ?? '', resourceVersion: String(one.version + 1) }
    },
    ready(key, revision) {
      const one = held.get(key)
      if (!one || one.revision === revision) return false
      const first = one.revision === undefined
      one.revision = revision
      if (first) one.version++
      return first
    },
    applied(key, bundle) {
      const one = held.get(key)
      if (!one) return undefined
      const { generation = 0, uid = '' } = one.object.metadata
      return { object: one.ref, uid, generation, bundle, fluxObjects: [] }
    },
    request(key, at) {
      const one = held.get(key)
      if (!one) return
      const annotations = { ...one.object.metadata.annotations, 'reconcile.fluxcd.io/requestedAt': at }
      const object = { ...one.object, metadata: { ...one.object.metadata, annotations } }
      held.set(key, { ...one, object, version: one.version + 1 })
    },
  }
}

/** Key of the GitRepository that a Kustomization consumes. */
function sourceOf({ kind, metadata, spec }: Manifest): string | undefined {
  if (kind !== 'Kustomization') return undefined
  const { sourceRef } = spec as { readonly sourceRef: { readonly kind: string; readonly name: string } }
  return refKey({ group: SOURCE_GROUP, kind: sourceRef.kind, namespace: metadata.namespace ?? '', name: sourceRef.name })
}

function stateOf(key: string, held: Held | undefined): ConsumerState | undefined {
  if (!held) return undefined
  const { ref: object, revision = '' } = held
  return { key, object, ready: revision !== '', lastAppliedRevision: revision, lastAttemptedRevision: revision }
}

function describe({ object, revision, version }: Held): Awaited<ReturnType<Describe>> {
  const metadata = { ...object.metadata, resourceVersion: String(version) }
  const stripped = revision === undefined ? { ...object, metadata } : { ...object, metadata, status: statusOf(object, revision) }
  const told = describeObject({ stripped, key: '', credential: NO_CREDENTIAL })
  const { resourceVersion: _, ...steady } = told.manifest.metadata
  return { ...told, hash: sha256(JSON.stringify({ ...told.manifest, metadata: steady })) }
}

function statusOf({ kind, metadata }: Manifest, revision: string): unknown {
  const source = kind === 'GitRepository'
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: source ? 'Succeeded' : 'ReconciliationSucceeded',
    message: source ? `stored artifact for revision '${revision}'` : `Applied revision: ${revision}`,
    lastTransitionTime: metaTime(new Date(0)),
    observedGeneration: metadata.generation,
  }
  const own = source
    ? { artifact: { revision, digest: 'sha256:0', path: '', url: '', lastUpdateTime: metaTime(new Date(0)) } }
    : { lastAppliedRevision: revision, lastAttemptedRevision: revision, inventory: { entries: inventoryOf(metadata.name) } }
  return { observedGeneration: metadata.generation, conditions: [ready], ...own }
}

/** What `appObjects` gives a Kustomization, as its inventory says it. */
function inventoryOf(app: string) {
  const ids = [`__ServiceAccount`, `__ConfigMap`, `__Service`, `_apps_Deployment`]
  return ids.map((kind) => ({ id: `bench-apps_${app}${kind}`, v: 'v1' }))
}
