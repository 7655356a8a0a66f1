import { apiVersionOf } from '../../../proto/model/object-ref.ts'
import { objectSchema } from '../../../proto/model/resource/crd.ts'
import type { StructuralSchema } from '../../../proto/model/resource/structural.ts'
import type { Served } from '../model.ts'

type Json = Readonly<Record<string, unknown>>

/** `GET /openapi/v3`: where each group's document is. */
export function openApiIndex(resources: readonly Served[]): Json {
  const paths = [...new Set(resources.map(({ resource: { group, version } }) => documentPath(group, version)))]
  return { paths: Object.fromEntries(paths.map((path) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${paths.length}` }])) }
}

/** `GET /openapi/v3/<path>`: schemas and operations of a group, or undefined when nothing is in it. */
export function openApiDocument(resources: readonly Served[], path: string): Json | undefined {
  const mine = resources.filter(({ resource: { group, version } }) => documentPath(group, version) === path)
  if (mine.length === 0) return undefined
  return {
    openapi: '3.0.0',
    info: { title: 'Flotilla', version: 'v1' },
    paths: Object.fromEntries(mine.flatMap((served) => pathsOf(served, path))),
    components: {
      schemas: Object.fromEntries([
        ...mine.map((served) => [schemaName(served), schemaOf(served)]),
        ['io.k8s.meta.v1.ObjectMeta', OBJECT_META],
      ]),
    },
  }
}

function documentPath(group: string, version: string): string {
  return group === '' ? `api/${version}` : `apis/${apiVersionOf(group, version)}`
}

/** Reversed domain, as Kubernetes names schemas: `dev.flotilla.fleet.v1alpha1.Cluster`. */
function schemaName({ resource: { group, kind, version } }: Served): string {
  return [...(group || 'core.api.k8s.io').split('.').reverse(), version, kind].join('.')
}

function schemaOf({ resource }: Served): Json {
  const { group, kind, version } = resource
  const schema: StructuralSchema =
    group === ''
      ? { type: 'object', description: resource.description, 'x-kubernetes-preserve-unknown-fields': true }
      : objectSchema(resource)
  const properties = schema.properties
    ? {
        ...schema.properties,
        metadata: {
          description: 'Name, labels and the like.',
          allOf: [{ $ref: '#/components/schemas/io.k8s.meta.v1.ObjectMeta' }],
          default: {},
        },
      }
    : undefined
  return { ...schema, ...(properties ? { properties } : {}), 'x-kubernetes-group-version-kind': [{ group, kind, version }] }
}

function pathsOf(served: Served, prefix: string): readonly (readonly [string, Json])[] {
  const { namespaced, plural } = served.resource
  const collection = `/${prefix}/${namespaced ? 'namespaces/{namespace}/' : ''}${plural}`
  const operations = (names: readonly (readonly [string, string, string])[]) =>
    Object.fromEntries(
      names.filter(([, verb]) => documented(served, verb)).map(([method, verb, action]) => [method, operation(served, verb, action)]),
    )
  return [
    [
      collection,
      operations([
        ['get', 'list', 'list'],
        ['post', 'create', 'post'],
      ]),
    ],
    [
      `${collection}/{name}`,
      operations([
        ['get', 'get', 'get'],
        ['put', 'update', 'put'],
        ['patch', 'patch', 'patch'],
        ['delete', 'delete', 'delete'],
      ]),
    ],
  ]
}

/** kubectl asks the description of PATCH whether the server validates fields, also before it creates. */
function documented({ verbs }: Served, verb: string): boolean {
  return verbs.some((one) => one === verb) || (verb === 'patch' && verbs.includes('create'))
}

function operation(served: Served, verb: string, action: string): Json {
  const { group, kind, version } = served.resource
  const named = (name: string) => ({ name, in: 'query', schema: { type: 'string', uniqueItems: true } })
  const writes = !['get', 'list'].includes(verb)
  const content = { 'application/json': { schema: { $ref: `#/components/schemas/${schemaName(served)}` } } }
  return {
    operationId: `${verb}${kind}`,
    parameters: writes
      ? ['dryRun', 'fieldManager', 'fieldValidation'].map(named)
      : ['labelSelector', 'fieldSelector', 'limit', 'continue'].map(named),
    responses: { '200': { description: 'OK', content } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, kind, version },
  }
}

const text = (description: string): StructuralSchema => ({ type: 'string', description })
const OBJECT_META: StructuralSchema = {
  type: 'object',
  description: 'What every object has beside its content.',
  properties: {
    annotations: { type: 'object', additionalProperties: { type: 'string' }, description: 'Notes for programs.' },
    creationTimestamp: { type: 'string', format: 'date-time', description: 'When the object was made.' },
    deletionTimestamp: { type: 'string', format: 'date-time', description: 'When its deletion was asked for.' },
    finalizers: { type: 'array', items: { type: 'string' }, description: 'Who must let go of the object before it is gone.' },
    generation: { type: 'integer', format: 'int64', description: 'Grows with each change of the content.' },
    labels: { type: 'object', additionalProperties: { type: 'string' }, description: 'What selectors look at.' },
    name: text('Name, unique in its namespace.'),
    namespace: text('Namespace.'),
    resourceVersion: text('Version of this state; compare for equality only.'),
    uid: text('Unique in time and space.'),
  },
}
