import type { FieldDiff } from '../../../proto/model/diff.ts'
import { atPointer } from '../../../proto/model/json-pointer.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { HIDDEN, type Hide } from './hide.ts'

/** A longer text is not looked through. */
const MAX_TEXT = 64 << 10
/** A longer text is cut down to where it differs, and then cut off. */
const MAX_SHOWN = 2_000
const MAX_LINES = 12

/** What of a Secret everybody may see. */
const OPEN_IN_SECRET = /^\/(metadata\/labels|type$|immutable$)/

/** The fields that change, secrets hidden before anything is cut: half a secret is none that could be found. */
export function fieldsOf(
  { live, paths, wanted }: { readonly live: Manifest; readonly wanted: Manifest; readonly paths: readonly string[] },
  hide: Hide,
): readonly FieldDiff[] {
  return paths.map((path) => {
    const shown = live.kind === 'Secret' && !OPEN_IN_SECRET.test(path) ? hidden : (value: unknown) => hide.value(withoutGiants(value))
    const [from, to] = [atPointer(live, path), atPointer(wanted, path)]
    return shortened({
      path: hide.text(path),
      ...(from === undefined ? {} : { from: shown(from) }),
      ...(to === undefined ? {} : { to: shown(to) }),
    })
  })
}

/** Of a map, the keys are shown. */
function hidden(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return HIDDEN
  return Object.fromEntries(Object.keys(value).map((key) => [key, HIDDEN]))
}

function withoutGiants(value: unknown): unknown {
  if (typeof value === 'string') return value.length > MAX_TEXT ? `… ${value.length} characters, not shown` : value
  if (Array.isArray(value)) return value.map(withoutGiants)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutGiants(inner)]))
}

function shortened(field: FieldDiff): FieldDiff {
  const { from, path, to } = field
  if (typeof from === 'string' && typeof to === 'string' && (isMuch(from) || isMuch(to))) {
    const [before, after] = differing(from, to)
    return { path, from: cut(before), to: cut(after) }
  }
  return { path, ...('from' in field ? { from: cutAll(from) } : {}), ...('to' in field ? { to: cutAll(to) } : {}) }
}

function isMuch(text: string): boolean {
  return text.length > MAX_SHOWN || text.split('\n', MAX_LINES + 1).length > MAX_LINES
}

/** The lines from the first to the last that differ, with a word on those around them. */
function differing(from: string, to: string): readonly [string, string] {
  const [a, b] = [from.split('\n'), to.split('\n')]
  const most = Math.min(a.length, b.length)
  let head = 0
  while (head < most && a[head] === b[head]) head += 1
  let tail = 0
  while (tail < most - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1
  const part = (lines: readonly string[]) =>
    [same(head), ...lines.slice(head, lines.length - tail), same(tail)].filter((line) => line !== undefined).join('\n')
  return [part(a), part(b)]
}

function same(lines: number): string | undefined {
  return lines === 0 ? undefined : `… ${lines} equal line${lines === 1 ? '' : 's'}`
}

function cut(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}… ${text.length - MAX_SHOWN} characters more`
}

function cutAll(value: unknown): unknown {
  if (typeof value === 'string') return cut(value)
  if (Array.isArray(value)) return value.map(cutAll)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cutAll(inner)]))
}
