import Table from 'cli-table3'
import { stringify } from 'yaml'
import { FleetError } from '../../../proto/base/errors.ts'
import { LIKE_GO } from '../../../proto/model/go-yaml.ts'

export const OUTPUTS = ['table', 'json', 'yaml'] as const
export type Output = (typeof OUTPUTS)[number]

export function parseOutput(text: string): Output {
  const found = OUTPUTS.find((one) => one === text)
  if (!found) throw new FleetError('invalid', `-o ${text}: must be one of ${OUTPUTS.join(', ')}`)
  return found
}

/** The value for programs: JSON or YAML. */
export function document(value: unknown, output: Exclude<Output, 'table'>): string {
  return output === 'json' ? `${JSON.stringify(value, null, 2)}\n` : stringify(value, LIKE_GO)
}

const NOTHING = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
}
const BARE = { ...NOTHING, left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '   ' }

/** A table for people, without lines, heads in capitals. */
export function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return createTable(head).text(rows)
}

export interface GrowingTable {
  /** The rows, below the head the first time; columns never become narrower than they were. */
  text(rows: readonly (readonly string[])[]): string
}

/** A table that goes on while things change. */
export function createTable(head: readonly string[]): GrowingTable {
  const heads = head.map((name) => name.toUpperCase())
  let widths = heads.map(() => 0)
  let shown = false
  return {
    text(given) {
      const rows = given.map((row) => row.map(oneLine))
      widths = widths.map((width, at) => Math.max(width, ...[...(shown ? [] : [heads]), ...rows].map((row) => [...(row[at] ?? '')].length)))
      const table = new Table({ chars: BARE, style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 } })
      table.push(...[...(shown ? [] : [heads]), ...rows].map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0))))
      shown = true
      const lines = table.toString().split('\n')
      return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
    },
  }
}

/** Text for one row: a message of several lines would break it; control characters do not reach the terminal. */
export function oneLine(text: string): string {
  return [...text.replaceAll(/\s*\n\s*/g, '; ')].map((char) => (char < ' ' || char === '\u007f' ? ' ' : char)).join('')
}
