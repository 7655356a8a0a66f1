import { FleetError } from '../../../proto/base/errors.ts'
import type { TenantSpec } from '../../../proto/model/fleet/tenant.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { PLATFORM_TENANT } from '../../../proto/model/names.ts'
import type { ApiRequest, ApiResponse, Target } from '../model.ts'
import type { ApiParts } from '../ports.ts'
import { type Look, renderOne } from '../present/render.ts'
import { success } from '../present/status.ts'
import { parseBody } from '../request/body.ts'
import { patched, patchOf, type Wanted, wantedObject, writeOptions } from '../request/write.ts'

type Parts = Pick<ApiParts, 'objects' | 'tenants' | 'members'>

/** A write to an object of the fleet: checked, stored, and then made true in the clusters that it concerns. */
export async function writeFleet(
  parts: Parts,
  target: Target,
  { look, request }: { readonly look: Look; readonly request: ApiRequest },
): Promise<ApiResponse> {
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
  const wanted = wantedObject(request, target)
  const { dryRun } = writeOptions(request)
  if (!dryRun) await claim(parts, target, wanted.manifest)
  const made = await settled(parts, dryRun, parts.objects.create(target.served.resource, wanted.manifest, { dryRun }))
  return { ...renderOne(made, look, 201), ...warned(wanted) }
}

async function replace(parts: Parts, target: Target, { look, request }: Write): Promise<ApiResponse> {
  const wanted = wantedObject(request, target)
  const { dryRun } = writeOptions(request)
  if (!dryRun) await claim(parts, target, wanted.manifest)
  const expected = wanted.manifest.metadata.resourceVersion
  const changed = parts.objects.change(keyOf(target), () => wanted.manifest, { dryRun, expected })
  return { ...renderOne(await settled(parts, dryRun, changed), look), ...warned(wanted) }
}

async function patch(parts: Parts, target: Target, { look, request }: Write): Promise<ApiResponse> {
  const { dryRun } = writeOptions(request)
  const given = patchOf(request)
  const before = await parts.objects.get(keyOf(target))
  if (before && !dryRun) await claim(parts, target, patched(request, target, { old: before.manifest, patch: given }).manifest)
  let wanted: Wanted | undefined
  let expected: string | undefined
  const changed = parts.objects.change(
    keyOf(target),
    (old) => {
      wanted = patched(request, target, { old, patch: given })
      expected = wanted.manifest.metadata.resourceVersion
      if (expected !== old.metadata.resourceVersion)
        throw new FleetError('conflict', `${target.served.resource.kind} ${target.name} has been modified; read it again`)
      return wanted.manifest
    },
    { dryRun },
  )
  return { ...renderOne(await settled(parts, dryRun, changed), look), ...warned(wanted) }
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
