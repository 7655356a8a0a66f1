/** Where a text begins: the columns before its further lines, and its own first column. */
interface Place {
  readonly indent: number
  readonly column: number
}

const WIDTH = 80
/** What the encoder does not write as it is. */
const UNPRINTABLE = /[^\n\x20-\x7e\u{a0}-\u{d7ff}\u{e000}-\u{fefe}\u{ff00}-\u{fffd}]/u
const BREAK = /[\n\r\u0085\u2028\u2029]/

/** Which styles can hold a text. */
export function shapeOf(text: string): { readonly isPlainFit: boolean; readonly isSingleFit: boolean; readonly isBlockFit: boolean } {
  const isSpecial = UNPRINTABLE.test(text) || / [\n\r\u0085\u2028\u2029]/.test(text)
  const hasBreak = BREAK.test(text)
  const hasEdge = /^ | $/.test(text)
  return {
    isPlainFit: !isSpecial && !hasBreak && !hasEdge && !hasIndicator(text),
    isSingleFit: !isSpecial && !/[\n\r\u0085\u2028\u2029] /.test(text),
    isBlockFit: text !== '' && !isSpecial && !text.endsWith(' '),
  }
}

function hasIndicator(text: string): boolean {
  return (
    /^(---|\.\.\.)/.test(text) || /^[#,[\]{}&*!|>'"%@`]/.test(text) || /^[?:-](?=[ \t]|$)/.test(text) || /:(?=[ \t]|$)|[ \t]#/.test(text)
  )
}

/** A text with its line breaks, under `|`. */
export function literal(text: string, indent: number): string {
  const hint = /^[ \n]/.test(text) ? '2' : ''
  const chomp = !text.endsWith('\n') ? '-' : text === '\n' || text.endsWith('\n\n') ? '+' : ''
  const lines = text.split('\n').map((line) => (line === '' ? '' : ' '.repeat(indent) + line))
  const body = lines.join('\n')
  return `|${hint}${chomp}\n${text.endsWith('\n') ? body.slice(0, -1) : body}`
}

export function brokenText(text: string, { indent, column }: Place): string {
  return brokenAt([...text], { indent, column, mayBreak: (at, all) => all[at + 1] !== ' ' })
}

export function brokenQuoted(text: string, { indent, column }: Place): string {
  const characters = [...text].map((character) => (character === "'" ? "''" : character))
  const mayBreak = (at: number, all: readonly string[]) => at > 0 && at < all.length - 1 && all[at + 1] !== ' '
  return `'${brokenAt(characters, { indent, column: column + 1, mayBreak })}'`
}

/** A text with escapes; its lines are broken where a place is given. */
export function doubleQuoted(text: string, place?: Place): string {
  const characters = [...text].map(escaped)
  if (!place) return `"${characters.join('')}"`
  const mayBreak = (at: number, all: readonly string[]) => at > 0 && at < all.length - 1
  return `"${brokenAt(characters, { indent: place.indent, column: place.column + 1, mayBreak, marksSpace: true })}"`
}

interface Breaking extends Place {
  readonly mayBreak: (at: number, characters: readonly string[]) => boolean
  /** A line that begins with a space needs a mark. */
  readonly marksSpace?: boolean
}

function brokenAt(characters: readonly string[], { indent, column, mayBreak, marksSpace }: Breaking): string {
  let out = ''
  let at = column
  let isAfterSpace = false
  for (const [index, character] of characters.entries()) {
    if (character === ' ' && !isAfterSpace && at > WIDTH && mayBreak(index, characters)) {
      const mark = marksSpace && characters[index + 1] === ' ' ? '\\' : ''
      out += `\n${' '.repeat(indent)}${mark}`
      at = indent + mark.length
    } else {
      out += character
      at += [...character].length
    }
    isAfterSpace = character === ' '
  }
  return out
}

const NAMED: Readonly<Record<string, string>> = {
  '\0': '0',
  '\u0007': 'a',
  '\b': 'b',
  '\t': 't',
  '\n': 'n',
  '\v': 'v',
  '\f': 'f',
  '\r': 'r',
  '\u001b': 'e',
  '"': '"',
  '\\': '\\',
  '\u0085': 'N',
  '\u2028': 'L',
  '\u2029': 'P',
}

function escaped(character: string): string {
  const name = NAMED[character]
  if (name !== undefined) return `\\${name}`
  if (!UNPRINTABLE.test(character)) return character
  const code = character.codePointAt(0) ?? 0
  const [mark, width] = code <= 0xff ? ['x', 2] : code <= 0xffff ? ['u', 4] : ['U', 8]
  return `\\${mark}${code.toString(16).toUpperCase().padStart(Number(width), '0')}`
}
