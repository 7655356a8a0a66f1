import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { FleetError } from '../../../proto/base/errors.ts'

export interface RunOptions {
  readonly signal: AbortSignal
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a program to its end and returns what it printed. Throws `unavailable` with what it said on stderr when it fails. */
export async function runProgram(
  [file, ...args]: readonly [string, ...string[]],
  { signal, input = '', env }: RunOptions,
): Promise<string> {
  const child = spawn(file, args, { signal, stdio: 'pipe', env: { ...process.env, ...env } })
  // A program may end without reading what it is given.
  child.stdin.on('error', () => {}).end(input)
  const exit = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  const [code, out, err] = await Promise.all([exit, text(child.stdout), text(child.stderr)])
  if (code === 0) return out
  throw new FleetError('unavailable', `run ${[file, ...args].join(' ')}: ${err.trim() || `it ended with ${code ?? 'a signal'}`}`)
}
