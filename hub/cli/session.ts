import { readFile } from 'node:fs/promises'
import { FleetError, messageOf } from '../../proto/base/errors.ts'
import type { HubClient } from './ask/client.ts'
import type { TerminalSize } from './show/live.ts'

/** Where a command runs: somewhere to write, and a reason to stop. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  readonly stdin: AsyncIterable<Buffer | string>
  out(text: string): void
  /** The size of the terminal that `out` writes to; absent where it is none. */
  readonly terminal?: () => TerminalSize
  /** Progress and remarks, beside the output. */
  say(text: string): void
}

/** What a command has: its surroundings, and a hub to ask. */
export interface Session extends Surroundings {
  /** The hub that the configuration names; opened at the first use. */
  hub(): Promise<HubClient>
  /** Says what the program ends with, for a command whose exit code is an answer. */
  ends(codes: { readonly done?: number; readonly failed?: number }): void
}

/** Everything on stdin. */
export async function readStdin({ stdin }: Session): Promise<string> {
  let text = ''
  for await (const chunk of stdin) text += String(chunk)
  return text
}

/** What a file says that an option has named. @throws `invalid` when it cannot be read */
export async function readText(path: string, option: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new FleetError('invalid', `${option} ${path} cannot be read: ${messageOf(cause)}`, { cause })
  }
}
