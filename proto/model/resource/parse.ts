import type { z } from 'zod'
import { isDnsLabel, isDnsSubdomain, type Problem } from '../ids.ts'
import type { Manifest, ObjectMeta } from '../manifest.ts'
import type { DeepReadonly } from './fields.ts'
import { apiVersionOfKind, type Resource, type ResourceKind } from './kind.ts'
import { memberPath, type Pruned, prune } from './prune.ts'
import { type StructuralSchema, structuralSchema } from './structural.ts'

/** The object, or everything that is wrong with it. */
export type Parsed<T> = { readonly object: T } | { readonly problems: readonly Problem[] }

export interface ParseOptions {
  /** True refuses members that the schema does not know; false drops them, as the API server does. */
  readonly strict: boolean
}

type ResourceOf<K> =
  K extends ResourceKind<infer Kind, infer Spec, infer Status>
    ? Resource<Kind, DeepReadonly<z.output<Spec>>, DeepReadonly<z.output<Status>>>
    : never

/** The manifest as an object of `kind` with defaults applied, or every problem with its path. Never throws. */
export function parseResource<K extends ResourceKind>(kind: K, manifest: Manifest, { strict }: ParseOptions): Parsed<ResourceOf<K>> {
  const { spec, status } = schemasOf(kind)
  const givenSpec = prune(spec, manifest.spec ?? {}, 'spec')
  const givenStatus: Pruned = status
    ? prune(status, manifest.status ?? kind.freshStatus ?? {}, 'status')
    : { value: undefined, unknown: [] }
  const parsedSpec = check(kind.spec, givenSpec.value, 'spec')
  const parsedStatus = kind.status ? check(kind.status, givenStatus.value, 'status') : { value: {}, problems: [] }
  const problems = [
    ...identity(kind, manifest),
    ...parsedSpec.problems,
    ...parsedStatus.problems,
    ...(strict ? [...members(kind, manifest), ...givenSpec.unknown, ...givenStatus.unknown] : []),
  ]
  if (problems.length > 0) return { problems }
  const { apiVersion, metadata } = manifest
  const object = { apiVersion, kind: kind.kind, metadata, spec: parsedSpec.value, status: parsedStatus.value }
  return { object: object as ResourceOf<K> }
}

/** Names and labels that are not what Kubernetes takes. */
export function metadataProblems(metadata: ObjectMeta): readonly Problem[] {
  const { annotations, labels, name, namespace } = metadata
  return [
    ...(isDnsSubdomain(name) ? [] : [{ path: 'metadata.name', message: `${JSON.stringify(name)} is not a lower-case RFC 1123 name` }]),
    ...(namespace === undefined || isDnsLabel(namespace)
      ? []
      : [{ path: 'metadata.namespace', message: `${JSON.stringify(namespace)} is not a lower-case RFC 1123 label` }]),
    ...notStrings(labels, 'metadata.labels'),
    ...notStrings(annotations, 'metadata.annotations'),
  ]
}

function identity(kind: ResourceKind, { apiVersion, kind: given, metadata }: Manifest): readonly Problem[] {
  const wanted = apiVersionOfKind(kind)
  return [
    ...(apiVersion === wanted ? [] : [{ path: 'apiVersion', message: `must be ${wanted}, not ${apiVersion}` }]),
    ...(given === kind.kind ? [] : [{ path: 'kind', message: `must be ${kind.kind}, not ${given}` }]),
    ...metadataProblems(metadata),
  ]
}

function members(kind: ResourceKind, manifest: Manifest): readonly Problem[] {
  const known = new Set(['apiVersion', 'kind', 'metadata', 'spec', ...(kind.status ? ['status'] : [])])
  return Object.keys(manifest)
    .filter((name) => !known.has(name))
    .map((name) => ({ path: memberPath('', name), message: 'unknown field' }))
}

function notStrings(map: unknown, path: string): readonly Problem[] {
  if (map === undefined || map === null) return []
  if (typeof map !== 'object') return [{ path, message: 'must be a map of strings' }]
  return Object.entries(map)
    .filter(([, value]) => typeof value !== 'string')
    .map(([name]) => ({ path: memberPath(path, name), message: 'must be a string' }))
}

function check(schema: z.ZodType, value: unknown, root: string): { readonly value: unknown; readonly problems: readonly Problem[] } {
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return { value: result.data, problems: [] }
  return { value: undefined, problems: result.error.issues.map((issue) => ({ path: issuePath(root, issue.path), message: said(issue) })) }
}

function issuePath(root: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((done, part) => memberPath(done, typeof part === 'number' ? part : String(part)), root)
}

function said(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_type' && issue.input === undefined ? 'required' : issue.message
}

interface Schemas {
  readonly spec: StructuralSchema
  readonly status?: StructuralSchema
}
const schemas = new WeakMap<ResourceKind, Schemas>()

function schemasOf(kind: ResourceKind): Schemas {
  const known = schemas.get(kind)
  if (known) return known
  const made: Schemas = { spec: structuralSchema(kind.spec), ...(kind.status ? { status: structuralSchema(kind.status) } : {}) }
  schemas.set(kind, made)
  return made
}
