import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { resolve } from 'node:path'
import { messageOf } from '../../proto/base/errors.ts'
import { BARS } from './bars.ts'
import { BARS_AT_SCALE } from './bars-at-scale.ts'
import { sweepLeftovers } from './bed/temp-dir.ts'
import { clusterCases } from './cases/cluster.ts'
import { fleet } from './cases/fleet.ts'
import { helm } from './cases/helm.ts'
import { release } from './cases/release.ts'
import { restart } from './cases/restart.ts'
import { waves } from './cases/waves.ts'
import { openRecorder } from './figures.ts'
import { type BenchOptions, readOptions, USAGE } from './options.ts'
import { missed, renderTable } from './table.ts'

const ON_A_CLUSTER = new Set<string>(['limit', 'sync', 'idle', 'heal'])
const SIMULATED = { fleet, release, waves, restart }
const stopped = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stopped.abort(new Error(`the bench was ended by ${name}`)))

try {
  const options = readOptions(process.argv.slice(2))
  if (options.help) process.stdout.write(USAGE)
  else await run({ ...options, out: resolve(options.out), profiles: options.profiles && resolve(options.profiles) })
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exitCode = 1
}

async function run(options: BenchOptions): Promise<void> {
  if (options.profiles) mkdirSync(options.profiles, { recursive: true })
  const figures = openRecorder(options.out, (line) => process.stderr.write(`${line}\n`))
  const { signal } = stopped
  await sweepLeftovers(signal)
  figures.note(describeMachine())
  if (options.cases.some((name) => ON_A_CLUSTER.has(name)))
    for (const n of options.sizes) {
      figures.note(`one real cluster, hub and agent as processes of their own, N = ${n} Kustomizations of 4 objects`)
      await clusterCases(n, { options, figures, signal })
    }
  if (options.cases.includes('helm'))
    for (const n of options.sizes) {
      figures.note(`one real cluster, hub and agent as processes of their own, N = ${n} HelmReleases of one chart of 4 objects`)
      await helm(n, { options, figures, signal })
    }
  for (const [name, work] of Object.entries(SIMULATED))
    if (options.cases.some((one) => one === name)) await work({ options, figures, signal })
  const tables = [renderTable(BARS, figures.all(), 'Flux'), renderTable(BARS_AT_SCALE, figures.all(), 'KubeFleet')]
  process.stdout.write(`\n${[figures.notes().join('\n'), ...tables].filter((text) => text !== '').join('\n\n')}\n\n`)
  for (const sentence of missed([...BARS, ...BARS_AT_SCALE], figures.all())) process.stdout.write(`missed: ${sentence}\n`)
  process.stdout.write(`JSON lines: ${options.out}\n`)
}

/** Where and when, with what the machine had to do besides. */
function describeMachine(): string {
  const [cpu] = cpus()
  const load =
    process.platform === 'linux'
      ? `, load ${execFileSync('cut', ['-d', ' ', '-f', '1-3', '/proc/loadavg'], { encoding: 'utf8' }).trim()}`
      : ''
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${new Date().toISOString().slice(0, 16)}Z, ${cpus().length} × ${cpu?.model ?? 'CPU'}, ${memory} GiB, Node ${process.version}${load} at the start`
}
