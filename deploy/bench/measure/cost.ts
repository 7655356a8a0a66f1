import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../../proto/base/clock.ts'
import type { HubWorld } from '../bed/world.ts'
import type { Figure } from '../figures.ts'
import { type Database, type Writes, writesBetween } from './database.ts'
import { cpuByProgram, cpuSeconds, memoryOf } from './processes.ts'

/** CPU seconds so far. */
interface Cpu {
  readonly hub: number
  readonly postgres: number
  readonly nats: number
  readonly simulator: number
}

export interface CostOptions {
  readonly world: HubWorld
  readonly database: Database
  readonly add: (figure: string, value: number, unit: Figure['unit'], detail?: string) => void
  /** Folder where all statements go; undefined keeps none. */
  readonly profiles: string | undefined
  readonly signal: AbortSignal
}

/** So long the work's own ends are waited for: last reports, status, acknowledgements. */
const TAIL_MS = 2_000
/** Sessions of Postgres tell their counters when they have been idle for so long. */
const COUNTED_MS = 10_500
const MIB = 1 << 20

/** Does something and adds what it cost the hub, its Postgres and the simulator. `fresh`: the hub is another one after it. */
export async function costOf<T>(
  { add, database, profiles, signal, world }: CostOptions,
  { fresh = false, name }: { readonly name: string; readonly fresh?: boolean },
  work: () => Promise<T>,
): Promise<T> {
  await systemClock.sleep(COUNTED_MS, signal)
  const [counted, before] = [await database.counters(), cpuNow(world, database)]
  const value = await work()
  await systemClock.sleep(TAIL_MS, signal)
  const after = cpuNow(world, database)
  const used = (of: keyof Cpu) => after[of] - (fresh && of === 'hub' ? 0 : before[of])
  await systemClock.sleep(COUNTED_MS, signal)
  const written = writesBetween(counted, await database.counters())
  addWrites(add, name, written)
  if (profiles) writeFileSync(join(profiles, `${name}-statements.txt`), written.all)
  add(`${name}.cpu.hub`, used('hub'), 'CPU s', `its main process with kustomize and git; nats-server ${used('nats').toFixed(1)} more`)
  add(`${name}.cpu.postgres`, used('postgres'), 'CPU s')
  add(`${name}.cpu.simulator`, used('simulator'), 'CPU s')
  const { peak, rss } = memoryOf(world.hubPid())
  add(`${name}.memory.hub`, Math.round(peak / MIB), 'MiB', `the most so far; now ${Math.round(rss / MIB)} MiB`)
  return value
}

function addWrites(add: CostOptions['add'], name: string, { rows, slowest, statements, tables, walMib }: Writes): void {
  add(`${name}.rows`, rows, 'count', tables)
  add(`${name}.wal`, walMib, 'MiB')
  add(`${name}.statements`, statements, 'count', slowest)
}

function cpuNow(world: HubWorld, database: Database): Cpu {
  const programs = cpuByProgram(world.hubPid())
  const { system, user } = process.cpuUsage()
  const hub = Array.from(programs, ([program, seconds]) => (program === 'postgres' || program === 'nats-server' ? 0 : seconds))
  return {
    hub: hub.reduce((sum, seconds) => sum + seconds, 0),
    postgres: cpuSeconds(database.pid),
    nats: cpuSeconds(Number(readFileSync(join(world.dir, 'hub', 'nats', 'nats.pid'), 'utf8'))),
    simulator: (user + system) / 1e6,
  }
}
