import { isManifest, type Manifest } from '../../../proto/model/manifest.ts'
import { apiVersionOf, formatRef, type ObjectRef } from '../../../proto/model/object-ref.ts'
import type { StoredObject } from '../../objects/model.ts'
import type { ApiRequest, ApiResponse, Target } from '../model.ts'
import type { ApiParts, CallAnswer, ClusterCall } from '../ports.ts'
import { type Look, renderOne } from '../present/render.ts'
import { failure, refuse } from '../present/status.ts'
import { parseBody } from '../request/body.ts'
import { type PatchRequest, patched, patchOf, rawObject, type WriteOptions, wantedObject, writeOptions } from '../request/write.ts'
import { missing, type Place } from './place.ts'

type Parts = Pick<ApiParts, 'objects' | 'call' | 'mirror'>

interface Write {
  readonly look: Look
  readonly place: Place
  readonly request: ApiRequest
}

/** A write that the cluster's agent carries out as the caller's identity there; its answer is the answer, folded first. */
export async function writeCluster(parts: Parts, target: Target, write: Write): Promise<ApiResponse> {
  const { place, request } = write
  const clusterId = place.clusterId ?? ''
  const options = writeOptions(request)
  const present = target.verb === 'create' ? undefined : await mirrored(parts, target, clusterId)
  const asked = askOf(target, { request, present })
  const ref = { ...refOfTarget(target), name: target.name || asked.name }
  const call: ClusterCall = {
    verb: asked.verb,
    object: ref,
    apiVersion: apiVersionOf(target.served.resource.group, target.served.resource.version),
    as: place.actsAs(target.namespace),
    body: asked.body,
    resourceVersion: asked.resourceVersion,
    ...options,
  }
  const answer = await parts.call(clusterId, call, { signal: request.signal })
  return answered(parts, target, { ...write, answer, clusterId, options, present, ref, warnings: asked.warnings })
}

interface Asked {
  readonly verb: ClusterCall['verb']
  readonly name: string
  readonly body: unknown
  readonly resourceVersion: string
  readonly warnings: readonly string[]
}

/** What the agent is asked to do: checked here against the schema, where the kind is known. */
function askOf(target: Target, { present, request }: { readonly present: StoredObject | undefined; readonly request: ApiRequest }): Asked {
  if (target.verb === 'delete') {
    const { preconditions, ...rest } = (parseBody(request.body, request.contentType) ?? {}) as {
      preconditions?: { uid?: string; resourceVersion?: string }
    }
    const resourceVersion = expected(target, present, preconditions?.resourceVersion)
    const kept = { ...(preconditions?.uid ? { uid: preconditions.uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) }
    const body = { ...rest, ...(Object.keys(kept).length > 0 ? { preconditions: kept } : {}) }
    return { verb: 'delete', name: target.name, body, resourceVersion, warnings: [] }
  }
  if (target.verb === 'patch') return patchAsk(target, { present, request, patch: patchOf(request) })
  const secret = target.served.resource.kind === 'Secret'
  const wanted = secret ? { manifest: rawObject(request, target), warnings: [] } : wantedObject(request, target)
  const resourceVersion = target.verb === 'create' ? '' : expected(target, present, wanted.manifest.metadata.resourceVersion)
  return {
    verb: target.verb === 'create' ? 'create' : 'update',
    name: wanted.manifest.metadata.name,
    body: withVersion(secret ? wanted.manifest : { ...rawObject(request, target) }, resourceVersion),
    resourceVersion,
    warnings: wanted.warnings,
  }
}

function patchAsk(
  target: Target,
  { patch, present, request }: { readonly patch: PatchRequest; readonly present: StoredObject | undefined; readonly request: ApiRequest },
): Asked {
  const verb = patch.type === 'merge' ? 'patch-merge' : 'patch-json'
  if (!present) return { verb, name: target.name, body: patch.patch, resourceVersion: '', warnings: [] }
  const { manifest, warnings } = patched(request, target, { old: present.manifest, patch })
  const given =
    patch.type === 'merge' ? (patch.patch as { metadata?: { resourceVersion?: string } } | null)?.metadata?.resourceVersion : undefined
  const resourceVersion = given === undefined ? '' : expected(target, present, manifest.metadata.resourceVersion)
  const body = given === undefined ? patch.patch : withVersion(patch.patch as Manifest, resourceVersion)
  return { verb, name: target.name, body, resourceVersion, warnings }
}

/** The cluster's version of what the caller saw. @throws `conflict` when the caller saw something older */
function expected(target: Target, present: StoredObject | undefined, given: string | undefined): string {
  if (!given || !present) return ''
  if (given !== present.manifest.metadata.resourceVersion)
    throw refuse(
      failure(
        409,
        'Conflict',
        `${formatRef(refOfTarget(target))} has been modified; read it again and apply the change to the latest version`,
      ),
    )
  return present.originVersion ?? ''
}

function withVersion(manifest: Manifest, resourceVersion: string): Manifest {
  const { resourceVersion: _hubs, ...metadata } = manifest.metadata
  return { ...manifest, metadata: (resourceVersion ? { ...metadata, resourceVersion } : metadata) as Manifest['metadata'] }
}

/** Flux objects are mirrored and must be there to be changed; of Secrets only the cluster knows. */
async function mirrored({ objects }: Parts, target: Target, clusterId: string): Promise<StoredObject | undefined> {
  if (target.served.resource.kind === 'Secret') return undefined
  const found = await objects.get({ scope: clusterId, ...refOfTarget(target) })
  if (!found && target.verb === 'patch') throw refuse(missing(target))
  return found
}

interface Answered extends Write {
  readonly answer: CallAnswer
  readonly clusterId: string
  readonly options: WriteOptions
  readonly present: StoredObject | undefined
  readonly ref: ObjectRef
  readonly warnings: readonly string[]
}

async function answered(parts: Parts, target: Target, done: Answered): Promise<ApiResponse> {
  const { answer, clusterId, options, present } = done
  const warnings = done.warnings.length > 0 ? { warnings: done.warnings } : {}
  const plain: ApiResponse = { kind: 'json', code: answer.code, body: answer.body, ...warnings }
  if (answer.code >= 300) return plain
  if (target.served.resource.kind === 'Secret') return { ...plain, body: withoutContent(answer.body) }
  if (options.dryRun) return isManifest(answer.body) ? { ...renderOne(answer.body, done.look, answer.code), ...warnings } : plain
  if (isManifest(answer.body) && answer.body.kind === target.served.resource.kind) {
    await parts.mirror.fold(clusterId, answer.body)
    const served = await parts.objects.get({ scope: clusterId, ...done.ref })
    return { ...renderOne(served?.manifest ?? answer.body, done.look, answer.code), ...warnings }
  }
  if (target.verb === 'delete' && present) await parts.mirror.forget(clusterId, present.manifest, present.originVersion ?? '0')
  return plain
}

/** What a cluster answers to a write of a Secret has its content; who may write it need not be shown it. */
function withoutContent(body: unknown): unknown {
  if (!isManifest(body)) return body
  const { data: _data, stringData: _text, ...rest } = body
  const { managedFields: _fields, annotations, ...metadata } = rest.metadata
  const { 'kubectl.kubernetes.io/last-applied-configuration': _applied, ...kept } = annotations ?? {}
  return { ...rest, metadata: { ...metadata, ...(Object.keys(kept).length > 0 ? { annotations: kept } : {}) } }
}

function refOfTarget({ name, namespace, served: { resource } }: Target): ObjectRef {
  return { group: resource.group, kind: resource.kind, namespace, name }
}
