import type { Health } from '../health.ts'
import type { Manifest } from '../manifest.ts'
import { groupOf, type ObjectRef } from '../object-ref.ts'
import { type Expression, objectExpression } from './expression.ts'
import type { HelmReleaseSpec } from './helm/helm-release.ts'

type Given = NonNullable<HelmReleaseSpec['healthCheckExprs']>[number]

/** How objects of some kinds are judged by what the author of a Flux object says of them. */
export interface HealthChecks {
  /** Whether there is an expression for its kind, or for every kind of its group. */
  covers(ref: Pick<ObjectRef, 'group' | 'kind'>): boolean
  /** Undefined where none is for it: then it is judged as any other. */
  judge(object: Manifest): Health | undefined
}

interface Check {
  readonly expression: Expression
  readonly status: 'InProgress' | 'Failed' | 'Current'
}

/** The order in which they are asked; the first that is true decides. */
const ORDER = [
  ['inProgress', 'InProgress', 'InProgress'],
  ['failed', 'Failed', 'Failed'],
  ['current', 'Current', 'Current'],
] as const

/** The checks of `healthCheckExprs`, or what is wrong with them. Only the group of `apiVersion` counts. Source: fluxcd/pkg, runtime/cel. */
export function readHealthChecks(given: readonly Given[] = []): HealthChecks | { readonly problem: string } {
  const byKind = new Map<string, readonly Check[]>()
  for (const [index, one] of given.entries()) {
    const { apiVersion, kind = '' } = one
    const id = keyOf({ group: groupOf(apiVersion), kind })
    if (byKind.has(id))
      return { problem: `duplicate custom health check for GroupKind ${nameOf(groupOf(apiVersion), kind)} at healthchecks[${index}]` }
    const checks = readChecks(one)
    if ('problem' in checks) return { problem: `failed to create custom status evaluator for healthchecks[${index}]: ${checks.problem}` }
    byKind.set(id, checks)
  }
  const find = ({ group, kind }: Pick<ObjectRef, 'group' | 'kind'>) =>
    byKind.get(keyOf({ group, kind })) ?? byKind.get(keyOf({ group, kind: '' }))
  return {
    covers: (ref) => find(ref) !== undefined,
    judge(object) {
      const checks = find({ group: groupOf(object.apiVersion), kind: object.kind })
      return checks && judgeBy(checks, object)
    },
  }
}

function readChecks(given: Given): readonly Check[] | { readonly problem: string } {
  const checks: Check[] = []
  for (const [member, name, status] of ORDER) {
    const text = given[member]
    if (!text && member === 'current') return { problem: 'expression Current not specified' }
    if (!text) continue
    const expression = objectExpression(text)
    if ('problem' in expression) return { problem: `failed to parse the expression ${name}: ${expression.problem}` }
    checks.push({ expression, status })
  }
  return checks
}

/** What cannot be evaluated says nothing: as long as that holds, the object is Unknown, with the reason. */
function judgeBy(checks: readonly Check[], object: Manifest): Health {
  const { generation } = object.metadata
  const { observedGeneration } = (object.status ?? {}) as { readonly observedGeneration?: unknown }
  if (typeof observedGeneration === 'number' && generation !== undefined && observedGeneration !== generation)
    return { status: 'InProgress', message: '' }
  for (const { expression, status } of checks) {
    const said = expression.evaluate(object)
    if (typeof said === 'object') return { status: 'Unknown', message: said.problem }
    if (said) return { status, message: '' }
  }
  return { status: 'InProgress', message: '' }
}

function keyOf({ group, kind }: Pick<ObjectRef, 'group' | 'kind'>): string {
  return `${group}/${kind}`
}

function nameOf(group: string, kind: string): string {
  return group === '' ? kind : `${kind}.${group}`
}
