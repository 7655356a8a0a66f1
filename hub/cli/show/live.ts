/** How large a terminal is, in characters. */
export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

/** What to write so that a text that changes is shown. */
export interface LiveText {
  /** The text as it is now. */
  next(text: string): string
  /** The text as it stays. */
  last(text: string): string
}

const REST_OF_LINE = '\u001b[K'
const REST_OF_SCREEN = '\u001b[J'

/**
 * A text that a terminal shows in one place: each new one is drawn over the one before. As long as it changes, lines that do
 * not fit on the screen are left out at its end, because a terminal cannot go back to what has scrolled away.
 * @param size  asked at each drawing: people resize terminals
 */
export function createLiveText(size: () => TerminalSize): LiveText {
  let drawn: readonly string[] = []
  const over = (text: string, most: number) => {
    const { columns } = size()
    // What was drawn may have been wrapped anew since.
    const up = rowsOf(drawn, columns)
    drawn = fitting(text.replace(/\n$/, '').split('\n'), { columns, most })
    if (up === 0) return drawn.map((line) => `${line}\n`).join('')
    return `\u001b[${up}F${drawn.map((line) => `${line}${fills(line, columns) ? '' : REST_OF_LINE}\n`).join('')}${REST_OF_SCREEN}`
  }
  return {
    // The cursor stands in the row below the text.
    next: (text) => over(text, Math.max(1, size().rows - 1)),
    last: (text) => over(text, Number.POSITIVE_INFINITY),
  }
}

/** Text for files and pipes: what changed is written again below, after an empty line. */
export function createAppendedText(): LiveText {
  let before: string | undefined
  const next = (text: string) => {
    const written = text === before ? '' : `${before === undefined ? '' : '\n'}${text}`
    before = text
    return written
  }
  return { next, last: next }
}

function fitting(lines: readonly string[], { columns, most }: { readonly columns: number; readonly most: number }): readonly string[] {
  if (rowsOf(lines, columns) <= most) return lines
  let count = 0
  while (rowsOf(lines.slice(0, count + 1), columns) < most) count++
  return [...lines.slice(0, count), `… ${lines.length - count} more lines`]
}

/** Behind its last character the cursor still stands on that: erasing the rest of the line would take it. */
function fills(line: string, columns: number): boolean {
  return line !== '' && [...line].length % columns === 0
}

function rowsOf(lines: readonly string[], columns: number): number {
  return lines.reduce((rows, line) => rows + Math.max(1, Math.ceil([...line].length / columns)), 0)
}
