import { styleText } from 'node:util'
import { duration } from './format.ts'

/** What the viewer sees: plain lines that read as well in a log, with a little colour on a terminal. */
export interface Screen {
  /** A step begins; times of what follows count from here. */
  step(title: string, says: string): void
  /** Something happened, now or at that moment. */
  told(text: string, atMs?: number): void
  /** The viewer is to do something. */
  ask(text: string): void
  /** A command that the viewer could type. */
  command(line: string): void
  /** A line that a command printed. */
  output(line: string): void
  /** Something did not do what it should. */
  failed(text: string): void
  print(text: string): void
}

/** Milliseconds on a clock that only goes forward. */
export const nowMs = (): number => performance.now()

export function openScreen(out: NodeJS.WritableStream): Screen {
  let startedAt = nowMs()
  const style = (format: Parameters<typeof styleText>[0], text: string) => styleText(format, text, { stream: out })
  const print = (text: string) => void out.write(`${text}\n`)
  const stamp = (atMs = nowMs()) => duration(atMs - startedAt).padStart(9)
  return {
    print,
    step(title, says) {
      startedAt = nowMs()
      print(`\n${style('bold', `── ${title} `.padEnd(100, '─'))}`)
      print(`   ${says}`)
    },
    told: (text, atMs) => print(`${stamp(atMs)}  ${style('green', '✔')} ${text}`),
    ask: (text) => print(`${stamp()}  ${style('yellow', `▸ ${text}`)}`),
    command: (line) => print(`${stamp()}  ${style('cyan', `$ ${line}`)}`),
    output: (line) => print(`${' '.repeat(13)}${style('dim', line)}`),
    failed: (text) => print(`${stamp()}  ${style('red', '✗')} ${text}`),
  }
}
