import { type ASTNode, Environment } from '@marcbachmann/cel-js'

/** What an expression over a cluster reads. */
export interface ExpressedCluster {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly facts: Readonly<Record<string, string | number | boolean>>
}

const LIMITS = { maxAstNodes: 500, maxDepth: 30, maxListElements: 100, maxMapEntries: 100 }
const CEL = new Environment({ limits: LIMITS, enableOptionalTypes: true }).registerVariable('cluster', {
  schema: { name: 'string', labels: 'map<string, string>', facts: 'map<string, dyn>' },
})

/** A pattern can be made to take for ever, and values that are made of each other to fill the memory. */
const REFUSED = ['matches', 'bind']
const MACROS = ['all', 'exists', 'exists_one', 'filter', 'map']

/** What is wrong with a CEL expression over a cluster, whatever the cluster is; undefined where nothing is. */
export function expressionProblem(text: string): string | undefined {
  const { error, type, valid } = CEL.check(text)
  if (!valid) return `cannot be read: ${error && 'summary' in error ? error.summary : 'unknown error'}`
  if (type !== 'bool' && type !== 'dyn') return `is a ${type}, and has to be true or false`
  return callProblem(CEL.parse(text).ast, false)
}

/** Evaluates the expression on one cluster after another: true, false, or why it cannot be said. Never throws. */
export function clusterExpression(text: string): (cluster: ExpressedCluster) => boolean | { readonly problem: string } {
  const problem = expressionProblem(text)
  if (problem !== undefined) return () => ({ problem })
  const parsed = CEL.parse(text)
  return ({ facts, labels, name }) => {
    try {
      const value: unknown = parsed({ cluster: { name, labels, facts: withInts(facts) } })
      return typeof value === 'boolean' ? value : { problem: 'is neither true nor false' }
    } catch (error) {
      return { problem: error instanceof Error && 'summary' in error ? String(error.summary) : String(error) }
    }
  }
}

/** CEL's integers are bigints. */
function withInts(facts: ExpressedCluster['facts']): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, Number.isInteger(value) ? BigInt(value) : value]))
}

function callProblem(node: ASTNode, inMacro: boolean): string | undefined {
  const name = node.op === 'rcall' || node.op === 'call' ? node.args[0] : ''
  if (REFUSED.includes(name)) return `calls ${name}(), which is not allowed; compare, or use startsWith, endsWith, contains and in`
  const macro = MACROS.includes(name)
  if (macro && inMacro) return `has ${name}() inside of another loop, which is not allowed`
  for (const inner of nodesIn(node.args)) {
    const problem = callProblem(inner, inMacro || macro)
    if (problem !== undefined) return problem
  }
  return undefined
}

function nodesIn(args: unknown): readonly ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(nodesIn)
  return typeof args === 'object' && args !== null && 'op' in args ? [args as ASTNode] : []
}
