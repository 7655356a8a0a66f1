import { FleetError } from '../../proto/base/errors.ts'
import { ACTIONS, type Verb } from '../tenants/model.ts'
import { writeCluster } from './handle/cluster-write.ts'
import { diffObject } from './handle/diff.ts'
import { readEvents } from './handle/events.ts'
import { explainPlacement } from './handle/explain.ts'
import { writeFleet } from './handle/fleet-write.ts'
import { missing, placeOf } from './handle/place.ts'
import { getObject, listObjects } from './handle/read.ts'
import { review } from './handle/reviews.ts'
import { reasonIn } from './handle/rollout-action.ts'
import { isVirtual, readVirtual, writeVirtual } from './handle/virtual.ts'
import { watchObjects } from './handle/watch.ts'
import { whyCluster } from './handle/why.ts'
import type { ApiRequest, ApiResponse, Target } from './model.ts'
import type { ApiParts } from './ports.ts'
import { aggregated, coreVersions, groupList, groupOfName, resourceList } from './present/discovery.ts'
import { openApiDocument, openApiIndex } from './present/openapi.ts'
import type { Look } from './present/render.ts'
import { failure, invalid, refuse } from './present/status.ts'
import { type Form, negotiate } from './request/accept.ts'
import { parseListOptions } from './request/options.ts'
import { type ApiPath, parsePath, type ResourcePath } from './request/path.ts'
import { subjectName } from './request/subject-name.ts'
import { writeOptions } from './request/write.ts'
import { findResource, resourcesOf } from './resources.ts'

/** The Kubernetes-style API over everything that the hub knows. */
export interface ApiService {
  /** @throws FleetError; `errorStatus` says what a client is told of it */
  answer(request: ApiRequest): Promise<ApiResponse>
}

export function createApiService(parts: ApiParts): ApiService {
  return {
    async answer(request) {
      const path = parsePath(request.path)
      if (!path) throw nothingHere(request)
      if (path.kind === 'openapi-v2') return EMPTY_OPENAPI_V2
      const form = negotiate(request.accept)
      if (!form) throw refuse(failure(406, 'NotAcceptable', `only application/json can be served, not ${request.accept}`))
      if (path.kind === 'resource') return resource(parts, request, { path, form })
      const body = discovery(parts, path, form)
      if (body === undefined || request.method !== 'GET') throw nothingHere(request)
      return { kind: 'json', code: 200, body, ...(form === 'aggregated-discovery' && path.kind === 'groups' ? AGGREGATED : {}) }
    },
  }
}

/**
 * An OpenAPI v2 document that describes nothing, in the protobuf that clients ask for: kubectl reads it for kinds that the
 * v3 documents do not have, and then says which kind it does not know.
 */
const EMPTY_OPENAPI_V2: ApiResponse = {
  kind: 'text',
  contentType: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
  text: '\n\u00032.0',
}

const AGGREGATED = { contentType: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' }

function discovery(parts: ApiParts, path: Exclude<ApiPath, ResourcePath | { readonly kind: 'openapi-v2' }>, form: Form): unknown {
  const resources = resourcesOf(path.view)
  switch (path.kind) {
    case 'groups':
      if (form === 'aggregated-discovery') return aggregated(resources, path.legacy)
      return path.legacy ? coreVersions() : groupList(resources)
    case 'group':
      return groupOfName(resources, path.group)
    case 'resources':
      return resourceList(resources, path.group, path.version)
    case 'openapi':
      return path.of === '' ? openApiIndex(resources) : openApiDocument(resources, path.of)
    case 'version':
      return { major: '1', minor: '35', gitVersion: `v1.35.0+flotilla-${parts.version}`, platform: 'flotilla' }
    default:
      return path satisfies never
  }
}

async function resource(
  parts: ApiParts,
  request: ApiRequest,
  { form, path }: { readonly path: ResourcePath; readonly form: Form },
): Promise<ApiResponse> {
  if (path.group.startsWith('auth') && request.method === 'POST') {
    const answer = await review(parts, request, path)
    if (answer) return answer
  }
  const target = targetOf(request, path)
  const look: Look = {
    form,
    include: includeOf(request.query.includeObject),
    served: target.served,
    view: target.view,
    now: parts.clock.now(),
  }
  const writes = !['get', 'list', 'watch'].includes(target.verb)
  try {
    const answer = writes ? await write(parts, request, { look, target }) : await read(parts, request, { look, target })
    if (writes && request.query.dryRun !== 'All') await audit(parts, request, { target, outcome: outcomeOf(answer), answer })
    return answer
  } catch (error) {
    if (writes) await audit(parts, request, { target, outcome: error instanceof FleetError ? error.code : 'internal' })
    // What is not there answers like what must not be seen.
    const gone = error instanceof FleetError && error.code === 'not-found' && error.cause === undefined && target.name !== ''
    throw gone ? refuse(missing(target)) : error
  }
}

async function read(
  parts: ApiParts,
  request: ApiRequest,
  { look, target }: { readonly look: Look; readonly target: Target },
): Promise<ApiResponse> {
  const options = parseListOptions(request.query)
  if ('problems' in options) throw refuse(invalid(`${target.verb} ${target.served.resource.plural}`, options.problems))
  const place = await placeOf(parts, request.subject, target)
  const ask = { look, options, place, signal: request.signal }
  if (isVirtual(target)) return readVirtual(parts, target, ask)
  if (target.subresource === 'why') return whyCluster(parts, target, { place, query: request.query })
  if (target.subresource === 'diff') return diffObject(parts, target, { place, signal: request.signal })
  if (target.subresource === 'explain') return explainPlacement(parts, target, { place, query: request.query })
  if (target.served.resource.kind === 'Event') return readEvents(parts, target, ask)
  if (target.verb === 'watch') return watchObjects(parts, target, ask)
  return target.verb === 'get' ? getObject(parts, target, ask) : listObjects(parts, target, ask)
}

async function write(
  parts: ApiParts,
  request: ApiRequest,
  { look, target }: { readonly look: Look; readonly target: Target },
): Promise<ApiResponse> {
  const place = await placeOf(parts, request.subject, target)
  const { dryRun } = writeOptions(request)
  if (dryRun && (isVirtual(target) || target.subresource !== ''))
    throw new FleetError('invalid', `${target.verb} ${target.served.resource.plural}: cannot be tried; ask without dryRun`)
  if (isVirtual(target)) return writeVirtual(parts, target, { look, request })
  if (target.view.kind === 'fleet') return writeFleet(parts, target, { look, request })
  return writeCluster(parts, target, { look, place, request })
}

function targetOf(request: ApiRequest, path: ResourcePath): Target {
  const served = findResource(path.view, path)
  if (!served || (path.namespace !== '' && !served.resource.namespaced)) throw nothingHere(request)
  if (path.subresource !== '' && !served.subresources.includes(path.subresource)) throw nothingHere(request)
  const verb = verbOf(request, path)
  const known = path.subresource === '' ? served.verbs.some((one) => one === verb) : verb === path.subresource || verb === 'get'
  if (!verb || !known) throw notAllowed(request, path)
  if (served.resource.namespaced && path.namespace === '' && !['list', 'watch'].includes(verb) && path.view.kind !== 'all')
    throw nothingHere(request)
  return { view: path.view, served, verb, namespace: path.namespace, name: path.name, subresource: path.subresource }
}

function verbOf({ method, query }: ApiRequest, { name, subresource }: ResourcePath): Verb | undefined {
  const action = ACTIONS.find((one) => one === subresource)
  if (action) return method === 'POST' ? action : undefined
  switch (method) {
    case 'GET':
      if (query.watch === 'true' || query.watch === '1') return 'watch'
      return name === '' ? 'list' : 'get'
    case 'POST':
      return name === '' ? 'create' : undefined
    case 'PUT':
      return name === '' ? undefined : 'update'
    case 'PATCH':
      return name === '' ? undefined : 'patch'
    case 'DELETE':
      return name === '' ? undefined : 'delete'
    default:
      return undefined
  }
}

async function audit(
  parts: ApiParts,
  request: ApiRequest,
  { answer, outcome, target }: { readonly target: Target; readonly outcome: string; readonly answer?: ApiResponse },
): Promise<void> {
  const where = target.view.kind === 'cluster' ? `clusters/${target.view.cluster}/` : ''
  const object = `${where}${target.served.resource.plural}/${target.namespace ? `${target.namespace}/` : ''}${subjectName(request, target, answer)}`
  const detail = target.subresource === '' ? '' : reasonIn(request)
  await parts.audit({ subject: request.subject.name, verb: target.verb, object, outcome, detail })
}

function outcomeOf(answer: ApiResponse): string {
  return answer.kind === 'json' && answer.code >= 400 ? String(answer.code) : 'done'
}

function includeOf(text: string | undefined): Look['include'] {
  return text === 'None' || text === 'Object' ? text : 'Metadata'
}

function nothingHere({ path }: ApiRequest): FleetError {
  return refuse(failure(404, 'NotFound', `the hub serves nothing at ${path}`))
}

function notAllowed({ method }: ApiRequest, { plural, view }: ResourcePath): FleetError {
  const why =
    plural === 'secrets'
      ? 'secrets can be written through the hub, never read; read them in the cluster itself'
      : view.kind === 'all'
        ? 'what is shown of all clusters at once can only be read; write below /clusters/<name>'
        : `${method} is not possible on ${plural} here`
  return refuse(failure(405, 'MethodNotAllowed', why))
}
