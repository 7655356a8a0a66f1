import { appendFileSync } from 'node:fs'

export const UNITS = ['s', 'CPU s', 'MiB', 'requests', 'requests each', 'per s', 'count'] as const
export type Unit = (typeof UNITS)[number]

/** One thing that was measured. */
export interface Figure {
  /** Key of what it is; `bars.ts` has the words and the bar. */
  readonly figure: string
  /** How many Kustomizations or agents there were. */
  readonly n: number
  readonly value: number
  readonly unit: Unit
  /** The worst of several tries, where `value` is the middle one. */
  readonly worst?: number
  readonly detail?: string
}

/** Keeps figures as JSON lines in a file, and shows each as it comes. */
export interface Recorder {
  add(figure: Figure): void
  /** Something that is no figure: the machine, what is simulated. */
  note(note: string): void
  all(): readonly Figure[]
  notes(): readonly string[]
}

export function openRecorder(file: string, show: (line: string) => void): Recorder {
  const figures: Figure[] = []
  const notes: string[] = []
  const write = (line: object) => appendFileSync(file, `${JSON.stringify({ at: new Date().toISOString(), ...line })}\n`)
  return {
    add(figure) {
      figures.push(figure)
      write(figure)
      const detail = figure.detail ? `  (${figure.detail})` : ''
      show(`  ${figure.figure} [${figure.n}]: ${format(figure)}${detail}`)
    },
    note(note) {
      notes.push(note)
      write({ note })
      show(note)
    },
    all: () => figures,
    notes: () => notes,
  }
}

/** `1.2 s (worst 1.9)` */
export function format({ value, unit, worst }: Figure): string {
  const number = (one: number) => (Number.isInteger(one) ? String(one) : one.toFixed(Math.abs(one) < 10 ? 2 : 1))
  return `${number(value)} ${unit}${worst === undefined ? '' : ` (worst ${number(worst)})`}`
}
