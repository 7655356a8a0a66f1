import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { FleetError } from '../../proto/base/errors.ts'

export interface Shown {
  readonly env?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** What the viewer sees it called, for the sentence when it fails. */
  readonly shown: string
  /** Given each line as it is printed, of stdout and stderr alike. */
  readonly line: (text: string) => void
}

/** Runs a program to its end and shows what it prints meanwhile. Throws with its last line when it fails. */
export async function runShown([file, ...args]: readonly [string, ...string[]], { env, line, shown, signal }: Shown): Promise<void> {
  signal.throwIfAborted()
  const child = spawn(file, args, { signal, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  let last = ''
  for (const input of [child.stdout, child.stderr])
    createInterface({ input }).on('line', (text) => {
      last = text.trim() || last
      line(text)
    })
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0) throw new FleetError('unavailable', `${shown}: it ended with ${code ?? 'a signal'}: ${last}`)
}
