import { parseArgs } from 'node:util'
import { systemClock } from '../../proto/base/clock.ts'
import { FleetError, messageOf } from '../../proto/base/errors.ts'
import { play } from './demo.ts'
import { duration } from './format.ts'
import { openHome } from './home.ts'
import { nowMs, openScreen } from './screen.ts'
import { openStage } from './stage.ts'
import { allDone, nextText, summaryText } from './summary.ts'
import { openViewer } from './viewer.ts'

const USAGE = `npm run demo [-- --once] [--dir DIR]

Three real Kubernetes clusters, one repository, and the main job told live, with a rollout that you approve. Stays up at the end until Ctrl-C.

  --once     ask nothing and end after the summary; exit code 0 if every step did what it says, else 1
  --dir DIR  a new folder for everything, kept at the end (else one in memory or in the temporary folder, removed at the end)
`

/** npm hands on a Ctrl-C that the terminal has sent already; only a later one is a second one. */
const SAME_SIGNAL_MS = 1000
const STOPPING = '\nStopping clusters, hub and agents …'
const stopped = new AbortController()
const screen = openScreen(process.stdout)
let stoppedAt = Number.NaN
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop(name))

try {
  await main()
} catch (error) {
  if (!stopped.signal.aborted) process.stderr.write(`${messageOf(error)}\n`)
  process.exitCode = stopped.signal.aborted ? 130 : 1
}

async function main(): Promise<void> {
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({ options: { once: flag, help: flag, dir: { type: 'string' } } })
  if (values.help) return void process.stdout.write(USAGE)
  const home = await openHome(values.dir, stopped.signal)
  let done = false
  try {
    done = await show(home.dir, values.once)
  } finally {
    const keepsLogs = !done && !stopped.signal.aborted
    const removed = !keepsLogs && (await home.remove())
    screen.print(removed ? 'Everything is stopped, and nothing is left.' : `Everything is stopped. What it wrote is in ${home.dir}`)
  }
}

/** @returns whether every step did what it says */
async function show(dir: string, once: boolean): Promise<boolean> {
  const { signal } = stopped
  const startedAt = nowMs()
  screen.print(`Flotilla, in ${dir}`)
  const viewer = openViewer(once ? undefined : process.stdin)
  await using stage = await openStage(dir, { screen, viewer }, signal)
  const outcomes = await play(stage, signal)
  const done = allDone(outcomes)
  screen.print(
    `\n${summaryText(outcomes)}\n${done ? 'All steps did what they say' : 'Not all is well'}, ${duration(nowMs() - startedAt)} in all.`,
  )
  if (!done) process.exitCode = 1
  if (!once) {
    screen.print(`\nIt keeps running until Ctrl-C. What to try next, in another terminal:\n${nextText(stage.places)}\n`)
    await systemClock.sleep(Number.POSITIVE_INFINITY, signal).catch(() => undefined)
  }
  if (!signal.aborted) screen.print(STOPPING)
  return done
}

/** The first signal ends things in order; a second one ends this process at once. */
function stop(name: NodeJS.Signals): void {
  if (!stopped.signal.aborted) {
    stoppedAt = nowMs()
    screen.print(STOPPING)
    stopped.abort(new FleetError('aborted', `stopped by ${name}`))
  } else if (nowMs() - stoppedAt > SAME_SIGNAL_MS) process.exit(130)
}
