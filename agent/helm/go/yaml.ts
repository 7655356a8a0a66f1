import type { Values } from '../model.ts'
import { byBytes } from './json.ts'
import { brokenQuoted, brokenText, doubleQuoted, literal, shapeOf } from './yaml-text.ts'
import { isText } from './yaml-words.ts'

/**
 * Values as the YAML that Flux writes of them: block style, keys in the order of their bytes, text quoted where it would
 * else be read as something else, lines broken after 80 columns. Digests are made of this text, so it has to be the same
 * to the byte. Source: the encoder of go.yaml.in/yaml/v2, which Flux gives sorted keys (Go's own order is another one).
 */
export function goYaml(values: Values): string {
  const out: string[] = []
  mapping(out, values, { indent: 0, at: 'root' })
  return out.join('')
}

interface Place {
  /** Columns before what a nested block begins with. */
  readonly indent: number
  readonly at: 'root' | 'value' | 'item'
}

function node(out: string[], value: unknown, place: Place): void {
  if (Array.isArray(value)) sequence(out, value, place)
  else if (typeof value === 'object' && value !== null) mapping(out, value as Values, place)
  else if (typeof value !== 'string') out.push(` ${typeof value === 'number' ? number(value) : String(value)}\n`)
  else out.push(` ${textOf(value, { indent: place.indent, column: lastColumn(out) + 1 })}\n`)
}

function mapping(out: string[], values: Values, { indent, at }: Place): void {
  const keys = Object.keys(values).toSorted(byBytes)
  if (keys.length === 0) {
    out.push(at === 'root' ? '{}\n' : ' {}\n')
    return
  }
  if (at === 'value') out.push('\n')
  for (const [index, key] of keys.entries()) {
    const value = values[key]
    out.push(at === 'item' && index === 0 ? ' ' : ' '.repeat(indent), `${keyOf(key)}:`)
    // The items of a list stand in the column of its key.
    const isList = Array.isArray(value) && value.length > 0
    node(out, value, { indent: isList ? indent : indent + 2, at: 'value' })
  }
}

function sequence(out: string[], items: readonly unknown[], { indent, at }: Place): void {
  if (items.length === 0) {
    out.push(' []\n')
    return
  }
  if (at === 'value') out.push('\n')
  for (const [index, item] of items.entries()) {
    out.push(at === 'item' && index === 0 ? ' -' : `${' '.repeat(indent)}-`)
    node(out, item, { indent: indent + 2, at: 'item' })
  }
}

function keyOf(key: string): string {
  const shape = shapeOf(key)
  if (!isText(key) || key.includes('\n')) return doubleQuoted(key)
  if (shape.isPlainFit) return key
  return shape.isSingleFit ? `'${key.replaceAll("'", "''")}'` : doubleQuoted(key)
}

function textOf(text: string, place: { readonly indent: number; readonly column: number }): string {
  const shape = shapeOf(text)
  if (text.includes('\n')) return shape.isBlockFit ? literal(text, place.indent) : doubleQuoted(text, place)
  if (!isText(text)) return doubleQuoted(text, place)
  if (shape.isPlainFit) return brokenText(text, place)
  return shape.isSingleFit ? brokenQuoted(text, place) : doubleQuoted(text, place)
}

function lastColumn(out: readonly string[]): number {
  let column = 0
  for (let at = out.length - 1; at >= 0; at--) {
    const text = out[at] ?? ''
    const line = text.lastIndexOf('\n')
    column += [...text.slice(line + 1)].length
    if (line >= 0) return column
  }
  return column
}

const LEAST = -(2n ** 63n)
const MOST = 2n ** 64n

/** What fits into 64 bits is whole; the rest is written as by `%g`, with an exponent from a million on. */
function number(value: number): string {
  if (Number.isInteger(value) && BigInt(value) >= LEAST && BigInt(value) < MOST) return BigInt(value).toString()
  const [digits = '', exponent] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power < -4 || power >= 6) return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
  return String(value)
}
