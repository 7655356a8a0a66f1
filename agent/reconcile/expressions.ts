import { dependencyExpression } from '../../proto/model/flux/expression.ts'
import { type HealthChecks, readHealthChecks } from '../../proto/model/flux/health-checks.ts'
import type { KustomizationSpec } from '../../proto/model/flux/kustomize/kustomization.ts'
import type { Manifest } from '../../proto/model/manifest.ts'

type Expressing = Pick<KustomizationSpec, 'dependsOn' | 'healthCheckExprs'>

/** Why the expressions of an object can never be evaluated, in Flux's words; undefined where they can. Only other ones help. */
export function unreadableExpression({ dependsOn = [], healthCheckExprs }: Expressing): string | undefined {
  const fatal = (problem: string) => `Reconciliation failed terminally due to configuration error: ${problem}`
  const checks = readHealthChecks(healthCheckExprs)
  if ('problem' in checks) return fatal(checks.problem)
  for (const { name, readyExpr } of dependsOn) {
    const expression = readyExpr ? dependencyExpression(readyExpr) : undefined
    if (expression && 'problem' in expression) return fatal(`failed to evaluate dependency ${name}: ${expression.problem}`)
  }
  return undefined
}

/** How an object judges some kinds itself; undefined where it does not. Read anew for each use: a slow expression is given up for that use alone. */
export function healthChecks({ healthCheckExprs = [] }: Pick<Expressing, 'healthCheckExprs'>): HealthChecks | undefined {
  const checks = healthCheckExprs.length > 0 ? readHealthChecks(healthCheckExprs) : undefined
  return checks && 'judge' in checks ? checks : undefined
}

/** Whether a dependency is ready by the object's own expression over `self` and `dep`, or why that cannot be said now. */
export function isReadyBy(
  text: string,
  objects: { readonly self: Manifest; readonly dep: Manifest },
): boolean | { readonly problem: string } {
  const expression = dependencyExpression(text)
  return 'problem' in expression ? expression : expression.evaluate(objects)
}
