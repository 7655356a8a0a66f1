import { run } from './program.ts'

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())
// A reader such as `head` that has seen enough ends the program quietly.
process.stdout.on('error', () => process.exit(0))

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  signal: stop.signal,
  stdin: process.stdin,
  out: (text) => process.stdout.write(text),
  ...(process.stdout.isTTY ? { terminal: () => ({ columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 }) } : {}),
  say: (text) => process.stderr.write(`${text}\n`),
})
