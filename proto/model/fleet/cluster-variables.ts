/** Something of a cluster that the objects of a Placement name: `${cluster.name}`, `${cluster.labels.region}`. */
export interface ClusterVariable {
  /** As it is written, without `${` and `}`. */
  readonly text: string
  readonly of: 'name' | 'labels' | 'facts' | 'variables'
  /** Key among labels, facts or variables; may have dots and slashes. Empty for the name. */
  readonly key: string
}

/** `$${cluster.…}` stays as `${cluster.…}`; other `${…}` is left for the cluster's own substitution. */
const VARIABLE = /\$?\$\{cluster\.([^}]*)\}/g
const NAMED = /^(labels|facts|variables)\.(.+)$/

/** The distinct variables in all strings of a value, keys among them, and what looks like one and is none. */
export function variablesIn(value: unknown): { readonly variables: readonly ClusterVariable[]; readonly unknown: readonly string[] } {
  const texts = new Set<string>()
  eachString(value, (text) => {
    for (const [whole, path = ''] of text.matchAll(VARIABLE)) if (!whole.startsWith('$$')) texts.add(path)
  })
  const read = [...texts].sort().map((text) => ({ text: `cluster.${text}`, variable: parseVariable(text) }))
  return {
    variables: read.flatMap(({ variable }) => variable ?? []),
    unknown: read.filter(({ variable }) => !variable).map(({ text }) => text),
  }
}

/** The value with each variable in its strings replaced by what `lookUp` says; one without a value stays as it is. */
export function withVariables<T>(value: T, lookUp: (variable: ClusterVariable) => string | undefined): T {
  return mapStrings(value, (text) =>
    text.replaceAll(VARIABLE, (whole, path: string) => {
      if (whole.startsWith('$$')) return whole.slice(1)
      const variable = parseVariable(path)
      return (variable && lookUp(variable)) ?? whole
    }),
  ) as T
}

function parseVariable(path: string): ClusterVariable | undefined {
  if (path === 'name') return { text: 'cluster.name', of: 'name', key: '' }
  const [, of, key] = NAMED.exec(path) ?? []
  return of && key ? { text: `cluster.${path}`, of: of as 'labels', key } : undefined
}

function eachString(value: unknown, visit: (text: string) => void): void {
  if (typeof value === 'string') visit(value)
  else if (Array.isArray(value)) for (const inner of value) eachString(inner, visit)
  else if (typeof value === 'object' && value !== null)
    for (const [key, inner] of Object.entries(value)) {
      visit(key)
      eachString(inner, visit)
    }
}

function mapStrings(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((inner) => mapStrings(inner, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [change(key), mapStrings(inner, change)]))
}
