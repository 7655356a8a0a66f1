import { canonicalJson } from '../../../proto/base/canonical.ts'
import { systemClock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import type { ResourceKind } from '../../../proto/model/resource/kind.ts'
import { pathOf } from '../kinds.ts'
import type { Session } from '../session.ts'

export const PUT_RESULTS = ['created', 'configured', 'unchanged'] as const
export type PutResult = (typeof PUT_RESULTS)[number]

/** The kind as which Secrets go to a cluster: written, never read. */
export const SECRET = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true } as unknown as ResourceKind

/** As often as kubectl does; what is read may be a little behind. */
const TRIES = 5
const AGAIN_MS = 100

interface Put {
  readonly cluster: string | undefined
  readonly manifest: Manifest
}

/**
 * Makes the object what the manifest says; labels and annotations that others have set stay. Somebody else's write in
 * between, such as of the status, is read and gone on from.
 */
export async function put(session: Session, kind: ResourceKind, what: Put): Promise<PutResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await putOnce(session, kind, what)
    } catch (error) {
      if (attempt === TRIES || !(error instanceof FleetError && error.code === 'conflict')) throw error
      await systemClock.sleep(attempt * AGAIN_MS, session.signal)
    }
  }
}

async function putOnce(session: Session, kind: ResourceKind, { cluster, manifest }: Put): Promise<PutResult> {
  const hub = await session.hub()
  const { name, namespace } = manifest.metadata
  const [collection, path] = [pathOf(kind, { cluster, namespace }), pathOf(kind, { cluster, namespace, name })]
  const ask = { signal: session.signal, query: { fieldValidation: 'Strict', fieldManager: 'flotilla' } }
  if (kind === SECRET) return putUnseen(session, { collection, path, manifest })
  const old = await hub.find(path, { signal: session.signal })
  if (!old) {
    await hub.send('POST', collection, { ...ask, body: manifest })
    return 'created'
  }
  const next = onto(old, manifest)
  if (canonicalJson(next) === canonicalJson(onto(old, old))) return 'unchanged'
  const done = await hub.send('PUT', path, { ...ask, body: next })
  return done.metadata.resourceVersion === old.metadata.resourceVersion ? 'unchanged' : 'configured'
}

async function putUnseen(
  session: Session,
  { collection, manifest, path }: { readonly collection: string; readonly path: string; readonly manifest: Manifest },
): Promise<PutResult> {
  const hub = await session.hub()
  try {
    await hub.send('POST', collection, { signal: session.signal, body: manifest })
    return 'created'
  } catch (error) {
    if (!(error instanceof FleetError && error.code === 'conflict')) throw error
    await hub.send('PUT', path, { signal: session.signal, body: manifest })
    return 'configured'
  }
}

function onto(old: Manifest, { metadata, status: _status, ...content }: Manifest): Manifest {
  const { annotations, finalizers, labels, name, namespace, resourceVersion } = old.metadata
  return {
    ...content,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(finalizers === undefined ? {} : { finalizers }),
      labels: { ...labels, ...metadata.labels },
      annotations: { ...annotations, ...metadata.annotations },
    },
  }
}
