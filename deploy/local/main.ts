import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../../proto/base/clock.ts'
import { FleetError, messageOf } from '../../proto/base/errors.ts'
import { openLog } from '../../proto/base/log.ts'
import { isDnsLabel } from '../../proto/model/ids.ts'
import { toolPath } from '../tools/tools.mjs'
import { fleetProgram } from './fleet-programs.ts'
import { Processes } from './process/processes.ts'
import { startWorld, stopWorld, type WorldOptions } from './world.ts'
import { localFile, readWorld } from './world-home.ts'

const USAGE = `npm run local -- --clusters NAME,NAME --dir DIR [--only-clusters] [--detach]
npm run local -- down --dir DIR
npm run local -- start|stop hub|git|agent-NAME --dir DIR

Real Kubernetes control planes with hub, agents and a git server on this machine. Without --detach it stays up until Ctrl-C.
`

/** npm hands on a Ctrl-C that the terminal has sent already; only a later one is a second one. */
const SAME_SIGNAL_MS = 1000
const stopped = new AbortController()
let stoppedAt = Number.NaN
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop(name))

try {
  await main()
} catch (error) {
  if (!stopped.signal.aborted) process.stderr.write(`${messageOf(error)}\n`)
  process.exitCode = stopped.signal.aborted ? 130 : 1
}

async function main(): Promise<void> {
  const { values, positionals } = readArgs()
  const [verb = 'up', name = ''] = positionals
  if (values.help) return void process.stdout.write(USAGE)
  if (values.dir === undefined) throw new FleetError('invalid', `--dir is missing: name the folder of the local world.\n${USAGE}`)
  const dir = resolve(values.dir)
  const { signal } = stopped
  if (verb === 'down') return await stopWorld(dir, { signal })
  if (verb === 'start') return await new Processes(dir).start(fleetProgram(readWorld(dir), name), { signal })
  if (verb === 'stop') return await new Processes(dir).stop(fleetProgram(readWorld(dir), name).name, { signal })
  if (verb !== 'up') throw new FleetError('invalid', `${verb} is not something to do with a local world.\n${USAGE}`)
  await up({ dir, clusters: parseClusters(values.clusters ?? ''), onlyClusters: values['only-clusters'] }, values.detach)
}

async function up(what: Pick<WorldOptions, 'dir' | 'clusters' | 'onlyClusters'>, detach: boolean): Promise<void> {
  const log = openLog({ level: process.env.LOG_LEVEL ?? 'warn', program: 'local' })
  const { signal } = stopped
  const file = await startWorld({ ...what, tools: tools(what.onlyClusters), signal, log })
  process.stdout.write(`${JSON.stringify(file, undefined, 2)}\n`)
  if (detach) return
  await untilDown(what.dir, signal)
  await stopWorld(what.dir, { signal: AbortSignal.timeout(120_000) })
}

/** Waits for a signal, or until `down` in another terminal has taken `local.json` away. */
async function untilDown(dir: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && existsSync(localFile(dir))) await systemClock.sleep(300, signal).catch(() => {})
}

function readArgs() {
  const flag = { type: 'boolean', default: false } as const
  const text = { type: 'string' } as const
  return parseArgs({
    allowPositionals: true,
    options: { clusters: text, dir: text, 'only-clusters': flag, detach: flag, help: flag },
  })
}

function parseClusters(text: string): readonly string[] {
  const names = [...new Set(text.split(',').map((name) => name.trim()))]
  const wrong = names.find((name) => !isDnsLabel(name))
  if (wrong === undefined) return names
  throw new FleetError(
    'invalid',
    `--clusters ${text}: "${wrong}" is not a name of a cluster (lower-case letters, digits and "-").\n${USAGE}`,
  )
}

function tools(onlyClusters: boolean): WorldOptions['tools'] {
  return {
    kubernetes: toolPath('kubernetes'),
    kwok: toolPath('kwok'),
    natsServer: onlyClusters ? '' : toolPath('nats-server'),
    kustomize: onlyClusters ? '' : toolPath('flotilla-kustomize'),
    helm: onlyClusters ? '' : toolPath('flotilla-helm'),
  }
}

/** The first signal ends things in order; a second one ends this process at once. */
function stop(name: NodeJS.Signals): void {
  if (stopped.signal.aborted) {
    if (performance.now() - stoppedAt > SAME_SIGNAL_MS) process.exit(130)
    return
  }
  stoppedAt = performance.now()
  stopped.abort(new FleetError('aborted', `stopped by ${name}`))
}
