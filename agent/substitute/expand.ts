import { FleetError, messageOf } from '../../proto/base/errors.ts'
import { isDefaulting, transform } from './functions.ts'

/** The value of a variable, or undefined where it is not set. */
export type Lookup = (name: string) => string | undefined

export type Expanded = { readonly text: string } | { readonly problem: string }

/**
 * Replaces `${name…}` in a text, as Flux does with drone/envsubst.
 *
 * `$name` stays, `$${name}` becomes `${name}`, a variable that is not set and has no default is a problem (strict).
 * Operators: length `#v`, case `^ ^^ , ,,`, default `:- - := =` (and, as upstream, `:+` and `:?`), substring `:n:len`,
 * trim `# ## % %%`, replace `/ // /# /%`. Source: fluxcd/pkg envsubst.
 */
export function expand(text: string, lookup: Lookup): Expanded {
  const reader: Reader = { text, at: 0, lookup }
  try {
    let out = ''
    while (reader.at < text.length) {
      if (opens(reader)) out += readExpansion(reader)
      else if (text.startsWith('$$', reader.at)) {
        out += '$'
        reader.at += 2
      } else out += text[reader.at++]
    }
    return { text: out }
  } catch (error) {
    return { problem: messageOf(error) }
  }
}

interface Reader {
  readonly text: string
  readonly lookup: Lookup
  at: number
}

/** Operators with their arguments: which characters an argument may hold, and how many arguments there are. */
const OPERATORS = [':=', ':-', ':+', ':?', '^^', ',,', '##', '%%', '//', '/#', '/%', '^', ',', '#', '%', '/', '=', '-', ':'] as const

function opens({ text, at }: Reader): boolean {
  return text.startsWith('${', at)
}

/** Reads from `${` to its `}` and gives the value. */
function readExpansion(reader: Reader): string {
  reader.at += 2
  if (reader.text[reader.at] === '#') {
    reader.at++
    const name = readName(reader)
    close(reader)
    return transform('length', lookUp(reader, name, false), [])
  }
  const name = readName(reader)
  if (reader.text[reader.at] === '}') {
    reader.at++
    return lookUp(reader, name, false)
  }
  const operator = OPERATORS.find((candidate) => reader.text.startsWith(candidate, reader.at))
  if (!operator) throw bad('missing closing brace')
  reader.at += operator.length
  const parts = readArguments(reader, operator)
  return transform(operator, lookUp(reader, name, isDefaulting(operator)), parts)
}

function readArguments(reader: Reader, operator: (typeof OPERATORS)[number]): readonly string[] {
  const parts: string[] = []
  switch (operator) {
    case '^':
    case '^^':
    case ',':
    case ',,':
      break
    case ':':
      parts.push(readPart(reader, ':}'))
      if (reader.text[reader.at] === ':') {
        reader.at++
        parts.push(readPart(reader, '}'))
      }
      break
    case '/':
    case '//':
    case '/#':
    case '/%':
      parts.push(reader.text[reader.at] === '/' ? '' : readPart(reader, '/', true))
      if (reader.text[reader.at++] !== '/') throw bad('bad substitution')
      if (reader.text[reader.at] !== '}') parts.push(readPart(reader, '}', true))
      break
    case '#':
    case '##':
    case '%':
    case '%%':
      parts.push(readPart(reader, '}'))
      break
    default:
      while (reader.at < reader.text.length && reader.text[reader.at] !== '}') parts.push(readPart(reader, '}'))
  }
  close(reader)
  return parts
}

/** One argument: a nested expansion, or text up to one of `ends` or the next expansion. */
function readPart(reader: Reader, ends: string, escapes = false): string {
  if (opens(reader)) return readExpansion(reader)
  let out = ''
  while (reader.at < reader.text.length && !opens(reader)) {
    const pair = reader.text.slice(reader.at, reader.at + 2)
    if (escapes && (pair === '\\/' || pair === '\\\\' || pair === '$$')) {
      out += pair[1]
      reader.at += 2
      continue
    }
    const char = reader.text[reader.at] ?? ''
    if (ends.includes(char)) break
    out += char
    reader.at++
  }
  if (out === '') throw bad('unable to parse substitution within function')
  return out
}

function readName(reader: Reader): string {
  const name = /^[\p{L}\p{N}_]+/u.exec(reader.text.slice(reader.at, reader.at + 256))?.[0]
  if (!name) throw bad('unable to parse variable name')
  reader.at += name.length
  return name
}

function close(reader: Reader): void {
  if (reader.text[reader.at++] !== '}') throw bad('bad substitution')
}

function lookUp({ lookup }: Reader, name: string, mayBeUnset: boolean): string {
  const value = lookup(name)
  if (value === undefined && !mayBeUnset) throw bad(`variable not set (strict mode): "${name}"`)
  return value ?? ''
}

function bad(message: string): FleetError {
  return new FleetError('invalid', message)
}
