import { FleetError } from '../../proto/base/errors.ts'
import { isManifest, type Manifest } from '../../proto/model/manifest.ts'
import { formatRef, groupOf } from '../../proto/model/object-ref.ts'
import { statusError, statusOf } from './classify.ts'
import { type Discovery, pathOf, type Resource } from './discovery.ts'
import type { Ask, Collection, ObjectAt } from './model.ts'
import type { Subject } from './subject.ts'
import type { Call, Transport } from './transport.ts'

/** What the verbs need: a way to send, the kinds that are served, and as whom. */
export interface Deps {
  readonly transport: Transport
  readonly discovery: Discovery
  /** Number in [0, 1), to spread the ends of watches. */
  readonly chance: () => number
  readonly as?: Subject | undefined
}

export type Sent = Omit<Call, 'signal' | 'timeoutMs' | 'as'>

/**
 * Sends a request about a kind. A 404 that is no Status object comes from a path that is not served any more:
 * the kind is then learned anew with the next request.
 */
export async function send(deps: Deps, of: { readonly apiVersion: string }, call: Sent & Ask): Promise<unknown> {
  try {
    return await deps.transport.send({ ...call, as: deps.as })
  } catch (error) {
    const status = statusOf(error)
    if (status?.code === 404 && status.reason === '') deps.discovery.forget(groupOf(of.apiVersion))
    throw error
  }
}

/** The path of one object, and how an error about it begins. */
export async function locate(deps: Deps, object: ObjectAt, o: { readonly verb: string; readonly signal: AbortSignal }) {
  const resource = await resolve(deps, object, o.signal)
  const attempted = `${o.verb} ${describe(object)}`
  return {
    attempted,
    folder: folderOf(resource, object, attempted),
    path: `${folderOf(resource, object, attempted)}/${encodeURIComponent(object.name)}`,
  }
}

/** The path of a set of objects, without its query. */
export async function locateSet(deps: Deps, of: Collection, o: { readonly verb: string; readonly signal: AbortSignal }) {
  const resource = await resolve(deps, of, o.signal)
  const attempted = `${o.verb} ${of.kind} of ${of.apiVersion}${of.namespace ? ` in ${of.namespace}` : ''}`
  const everywhere = !resource.namespaced || !of.namespace
  return { attempted, path: everywhere ? `${pathOf(resource.apiVersion)}/${resource.plural}` : folderOf(resource, of, attempted) }
}

/** A query string of the values that are not empty. */
export function parameters(values: Readonly<Record<string, string>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== '')
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`
}

/** Checks that an answer is an object. */
export function manifest(attempted: string): (value: unknown) => Manifest {
  return (value) => {
    if (isManifest(value)) return value
    throw new FleetError('unavailable', `${attempted}: the answer is not an object`)
  }
}

/** Where an object is to be found. */
export function atOf(object: Manifest): ObjectAt {
  const { name, namespace } = object.metadata
  return { apiVersion: object.apiVersion, kind: object.kind, name, ...(namespace ? { namespace } : {}) }
}

async function resolve(deps: Deps, of: { readonly apiVersion: string; readonly kind: string }, signal: AbortSignal): Promise<Resource> {
  const resource = await deps.discovery.resolve(of.apiVersion, of.kind, signal)
  if (resource) return resource
  throw statusError(
    { code: 404, reason: 'NoMatch', message: `no matches for kind "${of.kind}" in version "${of.apiVersion}"` },
    'find the API of a kind',
  )
}

function folderOf(resource: Resource, of: { readonly namespace?: string }, attempted: string): string {
  const root = pathOf(resource.apiVersion)
  if (!resource.namespaced) return `${root}/${resource.plural}`
  if (!of.namespace) throw new FleetError('invalid', `${attempted}: namespace not specified`)
  return `${root}/namespaces/${encodeURIComponent(of.namespace)}/${resource.plural}`
}

function describe(at: ObjectAt): string {
  return formatRef({ group: groupOf(at.apiVersion), kind: at.kind, namespace: at.namespace ?? '', name: at.name })
}
