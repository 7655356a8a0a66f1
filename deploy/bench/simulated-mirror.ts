import { describeObject } from '../../agent/report/describe.ts'
import type { Describe } from '../../agent/report/model.ts'
import { sha256 } from '../../proto/base/hash.ts'
import { metaTime } from '../../proto/model/condition.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { type ObjectRef, refKey } from '../../proto/model/object-ref.ts'
import { gitRepository, kustomization } from './bed/workload.ts'

/** The Flux objects of a pretended cluster, as its agent would mirror them. */
export interface SimulatedMirror {
  readonly source: ObjectRef
  readonly consumers: readonly ObjectRef[]
  keys(): readonly string[]
  readonly describe: Describe
  /** All objects are Ready at a revision. */
  ready(revision: string): void
  /** Somebody asks that the source be looked at now. */
  request(at: string): void
}

const INTERVAL = '10m'
const NO_CREDENTIAL = { sealedCredential: undefined, credentialProblem: undefined, hash: '' }

/** One GitRepository, and a Kustomization for each of the named apps. */
export function createMirror(o: { readonly uid: string; readonly url: string; readonly apps: readonly string[] }): SimulatedMirror {
  const made = [gitRepository(o.url, INTERVAL), ...o.apps.map((name) => kustomization(name, INTERVAL))]
  const objects = new Map(made.map((object) => [refKey(refOf(object)), born(object, o.uid)]))
  const [source, ...consumers] = made.map(refOf)
  if (!source) throw new Error('a mirror has a source')
  const change = (key: string, to: (object: Manifest) => Manifest) => {
    const object = objects.get(key)
    if (!object) return
    const resourceVersion = String(Number(object.metadata.resourceVersion) + 1)
    const changed = to(object)
    objects.set(key, { ...changed, metadata: { ...changed.metadata, resourceVersion } })
  }
  return {
    source,
    consumers,
    keys: () => [...objects.keys()],
    async describe(key) {
      const object = objects.get(key)
      if (!object) return undefined
      const told = describeObject({ stripped: object, key: '', credential: NO_CREDENTIAL })
      const { resourceVersion: _, ...metadata } = told.manifest.metadata
      return { ...told, hash: sha256(JSON.stringify({ ...told.manifest, metadata })) }
    },
    ready(revision) {
      for (const [key, object] of objects) change(key, () => ({ ...object, status: statusOf(object, revision) }))
    },
    request(at) {
      change(refKey(source), (object) => ({
        ...object,
        metadata: { ...object.metadata, annotations: { 'reconcile.fluxcd.io/requestedAt': at } },
      }))
    },
  }
}

function born(object: Manifest, uid: string): Manifest {
  const metadata = { ...object.metadata, uid: `${uid}-${object.metadata.name}`, generation: 1, resourceVersion: '1' }
  return { ...object, metadata: { ...metadata, creationTimestamp: '2026-01-01T00:00:00Z' } }
}

function statusOf({ kind }: Manifest, revision: string): unknown {
  const source = kind === 'GitRepository'
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: source ? 'Succeeded' : 'ReconciliationSucceeded',
    message: source ? `stored artifact for revision '${revision}'` : `Applied revision: ${revision}`,
    lastTransitionTime: metaTime(new Date(0)),
    observedGeneration: 1,
  }
  const own = source
    ? { artifact: { revision, digest: 'sha256:0', path: '', url: '', lastUpdateTime: metaTime(new Date(0)) } }
    : { lastAppliedRevision: revision, lastAttemptedRevision: revision }
  return { observedGeneration: 1, conditions: [ready], ...own }
}
