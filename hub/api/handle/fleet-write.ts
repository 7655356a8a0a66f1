import { FleetError } from '../../../proto/base/errors.ts'
import type { TenantSpec } from '../../../proto/model/fleet/tenant.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { PLATFORM_TENANT } from '../../../proto/model/names.ts'
import type { ApiRequest, ApiResponse, Target } from '../model.ts'
import type { ApiParts } from '../ports.ts'
import { type Look, renderOne } from '../present/render.ts'
import { invalid, refuse, success } from '../present/status.ts'
import { parseBody } from '../request/body.ts'
import { patched, patchOf, type Wanted, wantedObject, writeOptions } from '../request/write.ts'
import { actOnRollout } from './rollout-action.ts'

type Parts = Pick<ApiParts, 'objects' | 'tenants' | 'members' | 'placements' | 'rollouts'>

/** A write to an object of the fleet: checked, stored, and then made true in the clusters that it concerns. */
export async function writeFleet(
  parts: Parts,
  target: Target,
  { look, request }: { readonly look: Look; readonly request: ApiRequest },
): Promise<ApiResponse> {
  if (target.served.resource.kind === 'Rollout' && target.subresource !== '') return actOnRollout(parts, target, request)
  if (target.subresource === 'approve') return approve(parts, target, { look, request })
  switch (target.verb) {
    case 'create':
      return create(parts, target, { look, request })
    case 'update':
      return replace(parts, target, { look, request })
    case 'patch':
      return patch(parts, target, { look, request })
    default:
      return remove(parts, target, { look, request })
  }
}

interface Write {
  readonly look: Look
  readonly request: ApiRequest
}

async function create(parts: Parts, target: Target, { look, request }: Write): Promise<ApiResponse> {
  const { dryRun } = writeOptions(request)
  const wanted = await admitted(parts, target, { wanted: wantedObject(request, target), dryRun })
  const made = await settled(parts, dryRun, parts.objects.create(target.served.resource, wanted.manifest, { dryRun }))
  return { ...renderOne(made, look, 201), ...warned(wanted) }
}

async function replace(parts: Parts, target: Target, { look, request }: Write): Promise<ApiResponse> {
  const { dryRun } = writeOptions(request)
  const wanted = await admitted(parts, target, { wanted: wantedObject(request, target), dryRun })
  const expected = wanted.manifest.metadata.resourceVersion
  const changed = parts.objects.change(keyOf(target), () => wanted.manifest, { dryRun, expected })
  return { ...renderOne(await settled(parts, dryRun, changed), look), ...warned(wanted) }
}

async function patch(parts: Parts, target: Target, { look, request }: Write): Promise<ApiResponse> {
  const { dryRun } = writeOptions(request)
  const given = patchOf(request)
  const before = await parts.objects.get(keyOf(target))
  const first = before && { wanted: patched(request, target, { old: before.manifest, patch: given }), dryRun }
  const checked = first && (await admitted(parts, target, first))
  let expected: string | undefined
  const changed = parts.objects.change(
    keyOf(target),
    (old) => {
      const wanted = patched(request, target, { old, patch: given })
      expected = wanted.manifest.metadata.resourceVersion
      if (expected !== old.metadata.resourceVersion)
        throw new FleetError('conflict', `${target.served.resource.kind} ${target.name} has been modified; read it again`)
      return held(parts, target, wanted.manifest)
    },
    { dryRun },
  )
  return { ...renderOne(await settled(parts, dryRun, changed), look), ...warned(checked) }
}

async function remove(parts: Parts, target: Target, { look, request }: Write): Promise<ApiResponse> {
  const { dryRun } = writeOptions(request)
  const options = (parseBody(request.body, request.contentType) ?? {}) as { preconditions?: { uid?: string; resourceVersion?: string } }
  if (target.served.resource.kind === 'Tenant' && target.name === PLATFORM_TENANT)
    throw new FleetError('forbidden', 'tenant platform cannot be deleted: it is the hub’s own')
  const { resourceVersion, uid } = options.preconditions ?? {}
  const gone = await parts.objects.remove(keyOf(target), { dryRun, uid, expected: resourceVersion })
  if (!dryRun && target.served.resource.kind === 'Cluster') await leave(parts, target.name, request.subject.name)
  if (!dryRun) await parts.tenants.settle()
  if (gone.manifest.metadata.deletionTimestamp) return renderOne(gone.manifest, look)
  return {
    kind: 'json',
    code: 200,
    body: success({ name: target.name, kind: target.served.resource.plural, uid: gone.manifest.metadata.uid }),
  }
}

/** The object may be older than the membership, or outlive it: both must be gone. */
async function leave({ members }: Parts, name: string, by: string): Promise<void> {
  try {
    await members.remove(name, by)
  } catch (error) {
    if (!(error instanceof FleetError && error.code === 'not-found')) throw error
  }
}

async function approve(parts: Parts, target: Target, { look, request }: Write): Promise<ApiResponse> {
  await parts.members.approve(target.name, request.subject.name)
  const approved = parts.objects.change(keyOf(target), (old) => ({ ...old, spec: { ...(old.spec as object), approved: true } }))
  return renderOne(await settled(parts, false, approved), look, 201)
}

/** The object as it is to be stored, checked against what else there is. @throws every problem at once */
async function admitted(
  parts: Parts,
  target: Target,
  { dryRun, wanted }: { readonly wanted: Wanted; readonly dryRun: boolean },
): Promise<Wanted> {
  if (!dryRun) await claim(parts, target, wanted.manifest)
  if (target.served.resource.kind !== 'Placement') return wanted
  const { problems, warnings } = await parts.placements.admit(wanted.manifest)
  if (problems.length > 0) throw refuse(invalid(`Placement ${JSON.stringify(wanted.manifest.metadata.name)}`, problems))
  return { manifest: held(parts, target, wanted.manifest), warnings: [...wanted.warnings, ...warnings] }
}

/** A Placement stays until its objects are gone; who takes the finalizer off one that is being deleted means it. */
function held({ placements }: Parts, { served }: Target, manifest: Manifest): Manifest {
  if (served.resource.kind !== 'Placement' || manifest.metadata.deletionTimestamp) return manifest
  return placements.held(manifest)
}

/** Namespaces are taken before the Tenant is written, so that no two tenants ever have one. */
async function claim({ tenants }: Parts, { served }: Target, { metadata, spec }: Manifest): Promise<void> {
  if (served.resource.kind === 'Tenant') await tenants.claim(metadata.name, (spec as TenantSpec).namespaces)
}

/** Whatever became of the write, what clusters are told follows from the rows. */
async function settled({ tenants }: Parts, dryRun: boolean, write: Promise<{ readonly manifest: Manifest }>): Promise<Manifest> {
  try {
    return (await write).manifest
  } finally {
    if (!dryRun) await tenants.settle()
  }
}

function keyOf({ name, namespace, served: { resource } }: Target) {
  return { scope: 'fleet', group: resource.group, kind: resource.kind, namespace, name }
}

function warned(wanted: Wanted | undefined): { readonly warnings?: readonly string[] } {
  return wanted && wanted.warnings.length > 0 ? { warnings: wanted.warnings } : {}
}
