import { fluxKindOf } from '../flux/kinds.ts'
import { isManifest, type Manifest } from '../manifest.ts'
import { parseResource } from '../resource/parse.ts'
import { variablesIn } from './cluster-variables.ts'

/** Something wrong with an object of a Placement, and where in the list. */
export interface PlacedObjectProblem {
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** What a Placement may say of an object beside its spec. */
const METADATA = ['annotations', 'labels', 'name', 'namespace']
const MEMBERS = ['apiVersion', 'kind', 'metadata', 'spec']

/** Everything that is wrong with the objects of a Placement as they are written; what has variables is read per cluster. */
export function placedObjectProblems(objects: readonly unknown[]): readonly PlacedObjectProblem[] {
  return [...objects.flatMap((object, at) => problemsOf(object, at)), ...twins(objects)]
}

function problemsOf(object: unknown, at: number): readonly PlacedObjectProblem[] {
  if (!isManifest(object)) return [{ path: [at], message: 'must have apiVersion, kind and metadata.name' }]
  const kind = fluxKindOf(object)
  if (!kind)
    return [
      {
        path: [at, 'kind'],
        message: `${object.apiVersion} ${object.kind} is no Flux kind; put it into a repository that a Kustomization applies`,
      },
    ]
  const { variables, unknown } = variablesIn(object)
  return [
    ...Object.keys(object)
      .filter((member) => !MEMBERS.includes(member))
      .map((member) => ({ path: [at, member], message: 'cannot be placed; an object has apiVersion, kind, metadata and spec' })),
    ...Object.keys(object.metadata)
      .filter((member) => !METADATA.includes(member))
      .map((member) => ({ path: [at, 'metadata', member], message: `cannot be placed; metadata has ${METADATA.join(', ')}` })),
    ...unknown.map((text) => ({
      path: [at],
      message: `\${${text}} is no variable; there are cluster.name, cluster.labels.KEY, cluster.facts.KEY and cluster.variables.KEY`,
    })),
    ...(variables.length + unknown.length > 0 ? [] : parsed(object).map((message) => ({ path: [at], message }))),
  ]
}

/** What is wrong with an object in which no variable is left. */
export function parsed(object: Manifest): readonly string[] {
  const kind = fluxKindOf(object)
  if (!kind) return [`${object.apiVersion} ${object.kind} is no Flux kind`]
  const read = parseResource(kind, object, { strict: true })
  return 'problems' in read ? read.problems.map(({ message, path }) => `${path}: ${message}`) : []
}

function twins(objects: readonly unknown[]): readonly PlacedObjectProblem[] {
  const seen = new Set<string>()
  return objects.filter(isManifest).flatMap(({ kind, metadata }, at) => {
    const key = `${kind}/${metadata.namespace ?? ''}/${metadata.name}`
    if (seen.has(key)) return [{ path: [at], message: `${kind} ${metadata.name} is in the list twice` }]
    seen.add(key)
    return []
  })
}
