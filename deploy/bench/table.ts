import type { Bar } from './bars.ts'
import { type Figure, format } from './figures.ts'

/** Figures beside their bars as a Markdown table: one row for each thing, a column for each N. Empty when none was measured. */
export function renderTable(bars: readonly Bar[], figures: readonly Figure[], others: string): string {
  const known = bars.filter(({ figure }) => figures.some((one) => one.figure === figure))
  if (known.length === 0) return ''
  const sizes = [...new Set(figures.filter((one) => known.some(({ figure }) => figure === one.figure)).map(({ n }) => n))].toSorted(
    (a, b) => a - b,
  )
  const header = ['', ...sizes.map((n) => `N = ${n}`), 'bar', others]
  const rows = known.map((bar) => [bar.words, ...sizes.map((n) => cell(bar, figures, n)), barText(bar), othersText(bar)])
  const widths = header.map((text, column) => Math.max(text.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) => `| ${cells.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [line(header), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join('\n')
}

/** The sentences of those bars that were missed. */
export function missed(bars: readonly Bar[], figures: readonly Figure[]): readonly string[] {
  return bars.flatMap(({ figure, words, bar }) =>
    figures.flatMap((one) => {
      const limit = bar?.[one.n]
      const isMissed = one.figure === figure && limit !== undefined && one.value > limit
      return isMissed ? [`N = ${one.n}: ${words}: ${format(one)}, the bar is ${limit}`] : []
    }),
  )
}

function cell({ figure, bar }: Bar, figures: readonly Figure[], n: number): string {
  const found = figures.find((one) => one.figure === figure && one.n === n)
  if (!found) return ''
  const limit = bar?.[n]
  return `${format(found)}${limit === undefined ? '' : found.value <= limit ? ' ✔' : ' ✘'}`
}

function barText({ bar }: Bar): string {
  const values = [...new Set(Object.values(bar ?? {}))]
  return values.map((value) => (value === 0 ? 'none' : `≤ ${value}`)).join(', ')
}

function othersText({ others }: Bar): string {
  return [...new Set(Object.values(others ?? {}))].join(', ')
}
