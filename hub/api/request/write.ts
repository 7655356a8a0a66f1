import { FleetError } from '../../../proto/base/errors.ts'
import { isManifest, type Manifest } from '../../../proto/model/manifest.ts'
import type { ApiRequest, Target } from '../model.ts'
import { failure, invalid, refuse, unknownFields } from '../present/status.ts'
import { parseBody } from './body.ts'
import { applyPatch, PATCH_TYPES, type PatchType } from './patch.ts'
import { parseFieldValidation, validate } from './validate.ts'

/** What a write asks for beside its body. */
export interface WriteOptions {
  readonly dryRun: boolean
  readonly fieldManager: string
}

/** @throws `invalid` for a dryRun other than All */
export function writeOptions({ query, userAgent }: ApiRequest): WriteOptions {
  if (query.dryRun !== undefined && query.dryRun !== 'All') throw new FleetError('invalid', `dryRun=${query.dryRun}: only All is known`)
  return { dryRun: query.dryRun === 'All', fieldManager: query.fieldManager || (userAgent.split('/')[0] ?? '') || 'flotilla' }
}

/** An object that was read and found right, with what the client should be warned of. */
export interface Wanted {
  readonly manifest: Manifest
  readonly warnings: readonly string[]
}

/** The object in the body, checked against its schema, in the namespace and with the name of the path. @throws every problem at once */
export function wantedObject(request: ApiRequest, target: Target): Wanted {
  return checked(request, target, named(request, target, parseBody(request.body, request.contentType)))
}

/** `value` against the schema of the target's kind. */
export function checked(request: ApiRequest, target: Target, value: unknown): Wanted {
  const { resource } = target.served
  const what = `${resource.kind} ${isManifest(value) ? JSON.stringify(value.metadata.name) : ''}`.trim()
  const result = validate(resource, value, parseFieldValidation(request.query.fieldValidation))
  if (result.kind === 'unknown') throw refuse(unknownFields(what, result.problems))
  if (result.kind === 'invalid') throw refuse(invalid(what, result.problems))
  return result
}

/** The object in the body as it is, for kinds that only the cluster knows. */
export function rawObject(request: ApiRequest, target: Target): Manifest {
  return named(request, target, parseBody(request.body, request.contentType))
}

export interface PatchRequest {
  readonly type: PatchType
  readonly patch: unknown
}

/** The patch in the body. @throws 415 for kinds of patches that are not spoken here */
export function patchOf(request: ApiRequest): PatchRequest {
  const type = request.contentType.split(';')[0]?.trim() ?? ''
  if (Object.hasOwn(PATCH_TYPES, type)) return { type: PATCH_TYPES[type as keyof typeof PATCH_TYPES], patch: parseBody(request.body, type) }
  const why = type.startsWith('application/apply-patch')
    ? 'server-side apply does not go through the hub yet; use kubectl apply without --server-side'
    : `patches of type ${type || 'none'} are not understood; send application/merge-patch+json or application/json-patch+json`
  throw refuse(failure(415, 'UnsupportedMediaType', why))
}

/** What the patch makes of the object; name, kind and namespace stay. */
export function patched(
  request: ApiRequest,
  target: Target,
  { old, patch }: { readonly old: Manifest; readonly patch: PatchRequest },
): Wanted {
  const result = applyPatch(patch.type, old, patch.patch)
  if ('problem' in result) throw refuse(invalid(`patch of ${target.served.resource.kind} "${target.name}"`, [result.problem]))
  return checked(request, target, named(request, target, result.value))
}

function named(request: ApiRequest, { name, namespace, served }: Target, value: unknown): Manifest {
  const { group, kind, version } = served.resource
  const given = withGeneratedName(value)
  if (!isManifest(given))
    throw new FleetError('invalid', `${request.method} ${kind}: the body must be an object with apiVersion, kind and metadata.name`)
  const { metadata } = given
  if (name !== '' && metadata.name !== name)
    throw new FleetError('invalid', `${kind} ${name}: the body names ${JSON.stringify(metadata.name)}`)
  if (namespace !== '' && metadata.namespace !== undefined && metadata.namespace !== namespace)
    throw new FleetError(
      'invalid',
      `${kind} ${metadata.name}: the body says namespace ${JSON.stringify(metadata.namespace)}, the path ${JSON.stringify(namespace)}`,
    )
  if (given.kind !== kind || given.apiVersion !== (group === '' ? version : `${group}/${version}`))
    throw new FleetError(
      'invalid',
      `${given.apiVersion} ${given.kind}: this path takes ${group === '' ? version : `${group}/${version}`} ${kind}`,
    )
  return namespace === '' ? given : { ...given, metadata: { ...metadata, namespace } }
}

/** Clients that let the server choose send no name; here the name must be theirs. */
function withGeneratedName(value: unknown): unknown {
  const metadata = (value as { metadata?: { name?: unknown; generateName?: unknown } } | undefined)?.metadata
  if (metadata && metadata.name === undefined && metadata.generateName !== undefined)
    throw new FleetError('invalid', 'metadata.generateName is not supported; give metadata.name')
  return value
}
