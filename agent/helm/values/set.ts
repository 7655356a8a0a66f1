import type { Values } from '../model.ts'

type Step = string | number
type Tree = { [key: string]: unknown } | unknown[]

interface Assignment {
  readonly path: readonly Step[]
  readonly value: unknown
}

const MAX_INDEX = 65_536
const MAX_DEPTH = 30

/**
 * Values with what one line in the syntax of `helm --set` sets: `a.b[0]=x,c={1,2}`; numbers, truth values and null get
 * their type, unless `asText`. With `literal`, as `helm --set-literal`: one path, and all after its `=` is text as it is.
 */
export function setValues(
  values: Values,
  line: string,
  how: 'typed' | 'text' | 'literal',
): { readonly values: Values } | { readonly problem: string } {
  const read = how === 'literal' ? readLiteral(line) : readLine(line, how === 'typed')
  if ('problem' in read) return read
  const next = structuredClone(values) as { [key: string]: unknown }
  for (const { path, value } of read.assignments) {
    const problem = assign(next, path, value)
    if (problem !== undefined) return { problem }
  }
  return { values: next }
}

type Read = { readonly assignments: readonly Assignment[] } | { readonly problem: string }

function readLiteral(line: string): Read {
  const end = line.indexOf('=')
  if (end < 0) return { problem: `key ${JSON.stringify(line)} has no value` }
  const path = pathOf(tokens(line.slice(0, end), false))
  return 'problem' in path ? path : { assignments: [{ path: path.steps, value: line.slice(end + 1) }] }
}

/** A character, and whether a backslash takes its meaning away. */
interface Token {
  readonly text: string
  readonly isPlain: boolean
}

function tokens(text: string, escapes: boolean): readonly Token[] {
  const out: Token[] = []
  const characters = [...text]
  for (let at = 0; at < characters.length; at++) {
    const isEscape = escapes && characters[at] === '\\'
    if (isEscape) at++
    const next = characters[at]
    if (next !== undefined) out.push({ text: next, isPlain: isEscape })
  }
  return out
}

function readLine(line: string, isTyped: boolean): Read {
  const all = tokens(line, true)
  const assignments: Assignment[] = []
  let at = 0
  while (at < all.length) {
    const end = find(all, at, '=')
    const path = pathOf(all.slice(at, end))
    if ('problem' in path) return path
    if (end === all.length) return { problem: `key ${JSON.stringify(textOf(all.slice(at)))} has no value` }
    const value = readValue(all, end + 1, isTyped)
    if ('problem' in value) return value
    assignments.push({ path: path.steps, value: value.value })
    at = value.next
  }
  return { assignments }
}

function readValue(
  all: readonly Token[],
  start: number,
  isTyped: boolean,
): { readonly value: unknown; readonly next: number } | { readonly problem: string } {
  const make = (part: readonly Token[]) => (isTyped ? typed(textOf(part)) : textOf(part))
  if (!is(all[start], '{')) {
    const end = find(all, start, ',')
    return { value: make(all.slice(start, end)), next: end + 1 }
  }
  const close = find(all, start, '}')
  if (close === all.length) return { problem: "list must terminate with '}'" }
  const items: unknown[] = []
  for (let at = start + 1; at <= close; ) {
    const end = Math.min(find(all, at, ','), close)
    items.push(make(all.slice(at, end)))
    at = end + 1
  }
  return { value: items, next: close + (is(all[close + 1], ',') ? 2 : 1) }
}

function pathOf(all: readonly Token[]): { readonly steps: readonly Step[] } | { readonly problem: string } {
  const steps: Step[] = []
  let key = ''
  let isOpen = true
  for (let at = 0; at < all.length; at++) {
    const token = all[at]
    if (is(token, '.')) {
      if (isOpen) steps.push(key)
      key = ''
      isOpen = true
    } else if (is(token, '[')) {
      if (isOpen) steps.push(key)
      isOpen = false
      const close = find(all, at, ']')
      const index = textOf(all.slice(at + 1, close))
      if (close === all.length || !/^\d+$/.test(index)) return { problem: `error parsing index: ${JSON.stringify(index)} is not a number` }
      if (Number(index) > MAX_INDEX) return { problem: `index of ${index} is greater than maximum supported index of ${MAX_INDEX}` }
      steps.push(Number(index))
      at = close
    } else if (!isOpen) return { problem: `unexpected data at end of array index: ${JSON.stringify(token?.text)}` }
    else key += token?.text ?? ''
  }
  if (isOpen) steps.push(key)
  if (steps.length > MAX_DEPTH) return { problem: `value name nested level is greater than maximum supported nested level of ${MAX_DEPTH}` }
  return { steps }
}

function assign(values: Tree, path: readonly Step[], value: unknown): string | undefined {
  let tree = values
  for (const [at, step] of path.entries()) {
    const isLast = at === path.length - 1
    if (step === '') return undefined
    if (Array.isArray(tree) && typeof step === 'number') for (let index = tree.length; index <= step; index++) tree.push(null)
    const held = Object.hasOwn(tree, step) ? (tree as { [key: string]: unknown })[step] : undefined
    const next = isLast ? value : treeAt(held, path[at + 1])
    if (next === undefined)
      return `unable to parse key: what ${JSON.stringify(path.slice(0, at + 1).join('.'))} holds has no ${JSON.stringify(path[at + 1])}`
    Object.defineProperty(tree, step, { value: next, writable: true, enumerable: true, configurable: true })
    if (!isLast) tree = next as Tree
  }
  return undefined
}

/** What a further step goes into: what is there, if it can hold it; something new where there is nothing. */
function treeAt(held: unknown, step: Step | undefined): Tree | undefined {
  const wantsList = typeof step === 'number'
  if (held === undefined || held === null) return wantsList ? [] : {}
  if (typeof held !== 'object' || Array.isArray(held) !== wantsList) return undefined
  return held as Tree
}

function typed(text: string): unknown {
  const lower = text.toLowerCase()
  if (lower === 'true') return true
  if (lower === 'false') return false
  if (lower === 'null') return null
  if (text === '0') return 0
  return /^[-+]?\d+$/.test(text) && !text.startsWith('0') && fits(BigInt(text.replace('+', ''))) ? Number(text) : text
}

function fits(value: bigint): boolean {
  return BigInt.asIntN(64, value) === value
}

function find(all: readonly Token[], start: number, mark: string): number {
  for (let at = start; at < all.length; at++) if (is(all[at], mark)) return at
  return all.length
}

function is(token: Token | undefined, mark: string): boolean {
  return token !== undefined && !token.isPlain && token.text === mark
}

function textOf(all: readonly Token[]): string {
  return all.map(({ text }) => text).join('')
}
