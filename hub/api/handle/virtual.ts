import { FleetError } from '../../../proto/base/errors.ts'
import { metaTime } from '../../../proto/model/condition.ts'
import { parseDurationMs } from '../../../proto/model/duration.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { FLEET_GROUP, FLEET_VERSION } from '../../../proto/model/names.ts'
import { matches } from '../../../proto/model/selector.ts'
import type { JoinToken } from '../../clusters/model.ts'
import type { Action, ApiToken, Role } from '../../tenants/model.ts'
import type { ApiRequest, ApiResponse, Target } from '../model.ts'
import type { ApiParts } from '../ports.ts'
import { type Look, renderList, renderOne } from '../present/render.ts'
import { refuse, success } from '../present/status.ts'
import { fieldEquals, type ListOptions } from '../request/options.ts'
import { wantedObject } from '../request/write.ts'
import { missing, type Place } from './place.ts'

type Parts = Pick<ApiParts, 'tenants' | 'members' | 'clusters'>

/** Kinds that are no rows of the object store. */
const VIRTUAL: readonly string[] = ['Namespace', 'Token', 'JoinToken']

export function isVirtual({ served }: Target): boolean {
  return VIRTUAL.includes(served.resource.kind)
}

export async function readVirtual(
  parts: Parts,
  target: Target,
  { look, options, place }: { readonly look: Look; readonly options: ListOptions; readonly place: Place },
): Promise<ApiResponse> {
  const name = target.name || fieldEquals(options.fields, 'metadata.name')
  const all = await allOf(parts, target, place)
  const objects = all.filter(
    ({ metadata }) => (name === undefined || metadata.name === name) && matches(options.labels, metadata.labels ?? {}),
  )
  if (target.name === '') return renderList({ objects, resourceVersion: '1' }, look)
  const [only] = objects
  if (!only) throw refuse(missing(target))
  return renderOne(only, look)
}

export async function writeVirtual(
  parts: Parts,
  target: Target,
  { look, request }: { readonly look: Look; readonly request: ApiRequest },
): Promise<ApiResponse> {
  const by = request.subject.name
  if (target.verb === 'delete') {
    if (target.served.resource.kind === 'Token') await parts.tenants.revokeToken(target.name)
    else await parts.members.revokeToken(target.name, by)
    return { kind: 'json', code: 200, body: success({ name: target.name, kind: target.served.resource.plural }) }
  }
  const { manifest } = wantedObject(request, target)
  const made = target.served.resource.kind === 'Token' ? await makeToken(parts, manifest, by) : await makeJoinToken(parts, manifest, by)
  return renderOne(made, look, 201)
}

async function allOf({ clusters, members, tenants }: Parts, target: Target, place: Place): Promise<readonly Manifest[]> {
  if (target.served.resource.kind === 'Token') return (await tenants.listTokens()).map(tokenManifest)
  if (target.served.resource.kind === 'JoinToken') {
    return (await members.tokens()).filter(({ revokedAt }) => !revokedAt).map(joinTokenManifest)
  }
  const known = place.clusterId ? await clusters.namespacesIn(place.clusterId) : await clusters.tenantNamespaces()
  return known
    .filter((name) => place.namespaces?.includes(name) ?? true)
    .map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name }, status: { phase: 'Active' } }))
}

async function makeToken({ tenants }: Parts, { spec }: Manifest, createdBy: string): Promise<Manifest> {
  const { description, role, tenant, ttl, verbs } = spec as {
    description: string
    role: Role
    tenant?: string
    ttl?: string
    verbs?: readonly Action[]
  }
  const lifeMs = ttl === undefined ? undefined : lifeOf(ttl)
  if (tenant !== undefined && (await tenants.namespacesOf(tenant)).length === 0)
    throw new FleetError('invalid', `create a token: there is no tenant ${tenant}; create it first`)
  const { text, token } = await tenants.createToken({ name: description, role, tenant, verbs, lifeMs, createdBy })
  return withSecret(tokenManifest(token), text.reveal())
}

async function makeJoinToken({ members }: Parts, { spec }: Manifest, by: string): Promise<Manifest> {
  const wanted = spec as {
    approve: boolean
    cluster?: string
    description: string
    labels?: Record<string, string>
    ttl: string
    uses: number
  }
  const { text, token } = await members.createToken(
    {
      description: wanted.description,
      clusterName: wanted.cluster,
      labels: wanted.labels ?? {},
      autoApprove: wanted.approve,
      uses: wanted.uses,
      lifeMs: lifeOf(wanted.ttl),
    },
    by,
  )
  return withSecret(joinTokenManifest(token), text)
}

function withSecret(manifest: Manifest, token: string): Manifest {
  return { ...manifest, status: { ...(manifest.status as object), token } }
}

function tokenManifest({ createdAt, createdBy, expiresAt, id, name, role, tenant, verbs }: ApiToken): Manifest {
  return {
    ...fleetObject('Token', id, createdAt),
    spec: { description: name, role, ...(tenant ? { tenant } : {}), ...(verbs ? { verbs: [...verbs] } : {}) },
    status: { createdBy, ...(expiresAt ? { expiresAt: metaTime(expiresAt) } : {}) },
  }
}

function joinTokenManifest(token: JoinToken): Manifest {
  return {
    ...fleetObject('JoinToken', token.id, token.createdAt),
    spec: {
      description: token.description,
      approve: token.autoApprove,
      labels: token.labels,
      ...(token.clusterName ? { cluster: token.clusterName } : {}),
    },
    status: { createdBy: token.createdBy, usesLeft: token.usesLeft, expiresAt: metaTime(token.expiresAt) },
  }
}

function fleetObject(kind: string, name: string, createdAt: Date): Manifest {
  return { apiVersion: `${FLEET_GROUP}/${FLEET_VERSION}`, kind, metadata: { name, creationTimestamp: metaTime(createdAt) } }
}

function lifeOf(text: string): number {
  const ms = parseDurationMs(text)
  if (!ms) throw new FleetError('invalid', `ttl ${JSON.stringify(text)}: must be a duration such as 24h`)
  return ms
}
