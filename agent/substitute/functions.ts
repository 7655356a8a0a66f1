/** True for operators that stand in for a variable that is not set. */
export function isDefaulting(operator: string): boolean {
  return [':=', ':-', ':+', ':?', '=', '-'].includes(operator)
}

/** The value of `${name<operator><parts>}`. Lengths and positions count bytes, as upstream. */
export function transform(operator: string, value: string, parts: readonly string[]): string {
  const [first = '', second] = parts
  switch (operator) {
    case 'length':
      return String(Buffer.byteLength(value))
    case '^':
      return mapFirst(value, (char) => char.toUpperCase())
    case '^^':
      return value.toUpperCase()
    case ',':
      return mapFirst(value, (char) => char.toLowerCase())
    case ',,':
      return value.toLowerCase()
    case ':':
      return substring(value, first, second)
    case '#':
    case '##':
      return trim(value, { pattern: first, from: 'start', longest: operator === '##' })
    case '%':
    case '%%':
      return trim(value, { pattern: first, from: 'end', longest: operator === '%%' })
    case '/':
      return replaceFirst(value, first, second ?? '')
    case '//':
      return value.split(first).join(second ?? '')
    case '/#':
      return second !== undefined && value.startsWith(first) ? second + value.slice(first.length) : value
    case '/%':
      return second !== undefined && value.endsWith(first) ? value.slice(0, value.length - first.length) + second : value
    default:
      return value === '' ? parts.join('') : value
  }
}

function mapFirst(value: string, change: (char: string) => string): string {
  const [first = ''] = value
  return change(first) + value.slice(first.length)
}

function replaceFirst(value: string, search: string, replacement: string): string {
  const at = value.indexOf(search)
  return at < 0 ? value : value.slice(0, at) + replacement + value.slice(at + search.length)
}

function substring(value: string, position: string, count: string | undefined): string {
  if (!isInteger(position)) return value
  const bytes = Buffer.from(value)
  const from = Number(position) < 0 ? Math.max(0, bytes.length + Number(position)) : Number(position)
  if (count === undefined) return bytes.subarray(from).toString()
  if (!isInteger(count)) return value
  const length = Number(count)
  const to = length < 0 ? bytes.length + length : from + length
  return to < from ? '' : bytes.subarray(from, to).toString()
}

function isInteger(text: string): boolean {
  return /^[+-]?\d+$/.test(text)
}

/** Takes the shortest or longest part that matches a glob off one end; an empty match takes nothing. */
function trim(value: string, o: { readonly pattern: string; readonly from: 'start' | 'end'; readonly longest: boolean }): string {
  const chars = [...value]
  const matches = globMatcher(o.pattern)
  const lengths = Array.from({ length: chars.length }, (_, index) => index + 1)
  for (const length of o.longest ? lengths.reverse() : lengths) {
    const part = o.from === 'start' ? chars.slice(0, length) : chars.slice(chars.length - length)
    if (!matches(part.join(''))) continue
    return (o.from === 'start' ? chars.slice(length) : chars.slice(0, chars.length - length)).join('')
  }
  return value
}

/**
 * A matcher for `*`, `?`, `[a-z]`, `[^a-z]` and `\x`; `*` also crosses slashes. Backtracks over the last star only, so that
 * no pattern takes exponential time.
 */
function globMatcher(pattern: string): (text: string) => boolean {
  const tokens = tokenize(pattern)
  return (text) => {
    const chars = [...text]
    let at = 0
    let token = 0
    let star = -1
    let starAt = 0
    while (at < chars.length) {
      const current = tokens[token]
      if (current === '*') {
        star = token++
        starAt = at
      } else if (typeof current === 'function' && current(chars[at] ?? '')) {
        token++
        at++
      } else if (star >= 0) {
        token = star + 1
        at = ++starAt
      } else return false
    }
    while (tokens[token] === '*') token++
    return token === tokens.length
  }
}

type Token = '*' | ((char: string) => boolean)

function tokenize(pattern: string): readonly Token[] {
  const tokens: Token[] = []
  for (const [part] of pattern.matchAll(/\\.|\[\^?\]?[^\]]*\]|[\s\S]/gu)) {
    if (part === '*') tokens.push('*')
    else if (part === '?') tokens.push(() => true)
    else if (part.length > 2 && part.startsWith('[')) tokens.push(classOf(part.slice(1, -1)))
    else {
      const literal = part.length > 1 && part.startsWith('\\') ? part.slice(1) : part
      tokens.push((char) => char === literal)
    }
  }
  return tokens
}

function classOf(body: string): (char: string) => boolean {
  const isNegated = body.startsWith('^')
  const ranges = [...(isNegated ? body.slice(1) : body).matchAll(/([\s\S])-([\s\S])|([\s\S])/gu)]
  const isIn = (char: string) => ranges.some(([, from, to, one]) => (from && to ? char >= from && char <= to : char === one))
  return (char) => isIn(char) !== isNegated
}
