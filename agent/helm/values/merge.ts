import { parseDocument } from 'yaml'
import { LIKE_GO } from '../../../proto/model/go-yaml.ts'
import type { Values } from '../model.ts'
import { setValues } from './set.ts'

/** A member of `spec.valuesFrom` and what was read for it. */
export interface ValuesSource {
  readonly kind: 'Secret' | 'ConfigMap'
  readonly name: string
  readonly valuesKey?: string | undefined
  readonly targetPath?: string | undefined
  readonly literal?: boolean | undefined
  readonly optional?: boolean | undefined
  /** Undefined where there is no such object. */
  readonly data: Readonly<Record<string, string>> | undefined
}

/** Values, and the texts in them that came out of Secrets: nobody is to see those. */
type Merged = { readonly values: Values; readonly secrets: readonly string[] } | { readonly problem: string }

const DEFAULT_KEY = 'values.yaml'

/**
 * The values of a release beside its chart's own, from weak to strong: the sources in their order, the inline values,
 * the sources with a targetPath in their order. What is wrong is said without what it holds.
 *
 * Flux's code merges the inline values once more at the end, so that there an inline value wins over a targetPath unless
 * both share a map; this is the order that its documentation gives. Source: Flux, HelmRelease, `valuesFrom`.
 */
export function mergeValues(sources: readonly ValuesSource[], inline: Values = {}): Merged {
  let values: Values = {}
  const secrets = new Set<string>()
  const hide = (source: ValuesSource, held: unknown) => {
    if (source.kind === 'Secret') for (const text of textsIn(held)) secrets.add(text)
  }
  const placed: { readonly line: string; readonly source: ValuesSource; readonly text: string }[] = []
  for (const source of sources) {
    const found = textOf(source)
    if ('problem' in found) return found
    if (found.text === undefined) continue
    if (source.targetPath) placed.push({ line: source.targetPath, source, text: found.text })
    else {
      const read = readValues(found.text)
      if ('problem' in read) return { problem: `${nameOf(source)}: ${read.problem}` }
      hide(source, read.values)
      values = deepMerge(values, read.values)
    }
  }
  values = deepMerge(values, inline)
  for (const { line, source, text } of placed) {
    hide(source, text)
    const set = setValues(values, `${line}=${unquoted(source, text)}`, howOf(source, text))
    if ('problem' in set) return { problem: `${nameOf(source)}: unable to set ${JSON.stringify(line)}: ${whyNot(values, line)}` }
    values = set.values
  }
  return { values, secrets: [...secrets] }
}

/** Maps are merged all the way down, everything else is replaced. */
export function deepMerge(under: Values, over: Values): Values {
  const out: Record<string, unknown> = { ...under }
  for (const [key, value] of Object.entries(over)) {
    const held = out[key]
    out[key] = isMap(held) && isMap(value) ? deepMerge(held, value) : value
  }
  return out
}

function textOf(source: ValuesSource): { readonly text: string | undefined } | { readonly problem: string } {
  const key = source.valuesKey ?? DEFAULT_KEY
  if (!source.data) return source.optional ? { text: undefined } : { problem: `${nameOf(source)}: not found` }
  const text = Object.hasOwn(source.data, key) ? source.data[key] : undefined
  if (text === undefined && !source.optional) return { problem: `${nameOf(source)}: missing key '${key}'` }
  return { text }
}

function readValues(text: string): { readonly values: Values } | { readonly problem: string } {
  const document = parseDocument(text, { ...LIKE_GO, merge: true, logLevel: 'silent' })
  const [error] = document.errors
  if (error) return { problem: `unable to read values: line ${error.linePos?.[0].line ?? 1}: ${error.code}` }
  try {
    const value: unknown = document.toJS({ maxAliasCount: 100 })
    if (value === null || value === undefined) return { values: {} }
    // Dates and the like become what JSON makes of them.
    return isMap(value) ? { values: JSON.parse(JSON.stringify(value)) as Values } : { problem: 'unable to read values: not a map' }
  } catch {
    return { problem: 'unable to read values: too many aliases' }
  }
}

/** A value in quotes is text without them. */
function isQuoted(text: string): boolean {
  return text.length > 1 && ((text.startsWith("'") && text.endsWith("'")) || (text.startsWith('"') && text.endsWith('"')))
}

function howOf({ literal }: ValuesSource, text: string): 'typed' | 'text' | 'literal' {
  if (literal) return 'literal'
  return isQuoted(text) ? 'text' : 'typed'
}

function unquoted({ literal }: ValuesSource, text: string): string {
  return !literal && isQuoted(text) ? text.replace(/^['"]+|['"]+$/g, '') : text
}

/** The reader of a line quotes what it stumbles over: of the value, nothing may be said. */
function whyNot(values: Values, line: string): string {
  const set = setValues(values, `${line}=x`, 'text')
  return 'problem' in set ? set.problem : 'the value is not in the syntax of helm --set'
}

function nameOf({ kind, name }: ValuesSource): string {
  return `${kind} '${name}'`
}

/** Every scalar, as text. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(textsIn)
  return value === null || value === undefined || typeof value === 'boolean' || value === '' ? [] : [String(value)]
}

function isMap(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
