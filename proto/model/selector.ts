export const OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const
export type Operator = (typeof OPERATORS)[number]

export interface Requirement {
  readonly key: string
  readonly operator: Operator
  readonly values: readonly string[]
}

/** All requirements hold; none at all matches everything. */
export type Selector = readonly Requirement[]

export function matches(selector: Selector, labels: Readonly<Record<string, string>>): boolean {
  return selector.every(({ key, operator, values }) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined
    switch (operator) {
      case 'In':
        return value !== undefined && values.includes(value)
      case 'NotIn':
        return value === undefined || !values.includes(value)
      case 'Exists':
        return value !== undefined
      case 'DoesNotExist':
        return value === undefined
      default:
        return operator satisfies never
    }
  })
}

const SET_BASED = /^\s*([^\s!=(),]+)\s+(in|notin)\s+\(([^()]*)\)\s*$/
const EQUALITY = /^\s*([^\s!=(),]+)\s*(==|=|!=)\s*([^\s!=(),]*)\s*$/
const PRESENCE = /^\s*(!?)\s*([^\s!=(),]+)\s*$/

/** Parses kubectl's label selector syntax (`a=b,c!=d,e in (f,g),!h`), or says what is wrong with it. */
export function parseSelector(text: string): Selector | { readonly problem: string } {
  const out: Requirement[] = []
  for (const part of splitOutsideParentheses(text)) {
    if (part.trim() === '') continue
    const requirement = parseRequirement(part)
    if (!requirement) return { problem: `label selector ${JSON.stringify(text)}: cannot read ${JSON.stringify(part.trim())}` }
    out.push(requirement)
  }
  return out
}

function parseRequirement(part: string): Requirement | undefined {
  const set = SET_BASED.exec(part)
  if (set?.[1] && set[3] !== undefined)
    return { key: set[1], operator: set[2] === 'in' ? 'In' : 'NotIn', values: set[3].split(',').map((value) => value.trim()) }
  const equal = EQUALITY.exec(part)
  if (equal?.[1]) return { key: equal[1], operator: equal[2] === '!=' ? 'NotIn' : 'In', values: [equal[3] ?? ''] }
  const presence = PRESENCE.exec(part)
  if (presence?.[2]) return { key: presence[2], operator: presence[1] === '!' ? 'DoesNotExist' : 'Exists', values: [] }
  return undefined
}

function splitOutsideParentheses(text: string): string[] {
  return text.split(/,(?![^()]*\))/)
}
