import type { HubClient } from './client.ts'

/** What a command has: a hub to ask, somewhere to write, and a reason to stop. */
export interface Session {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  readonly stdin: AsyncIterable<Buffer | string>
  out(text: string): void
  /** Progress and remarks, beside the output. */
  say(text: string): void
  /** The hub that the configuration names; opened at the first use. */
  hub(): Promise<HubClient>
}

/** Everything on stdin. */
export async function readStdin({ stdin }: Session): Promise<string> {
  let text = ''
  for await (const chunk of stdin) text += String(chunk)
  return text
}
