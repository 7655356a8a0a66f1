import { join } from 'node:path'
import { systemClock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { ControlPlane } from '../../local/control-plane.ts'
import { cpuByProgram } from './processes.ts'
import { attachProfiler } from './profiler.ts'
import { type Requests, requestsBetween, requestsIn } from './requests.ts'
import { type Pids, type Usage, usageBetween, usageNow } from './usage.ts'

export interface Measured<T> {
  readonly value: T
  readonly usage: Usage
  readonly requests: Requests
  readonly durationMs: number
  /** CPU seconds of the hub by program: `main process 1.2, postgres 0.8`. */
  readonly hubPrograms: string
}

type ProfileOptions = Pick<WindowOptions, 'name' | 'profiles' | 'signal'> & { readonly world: Pick<WindowOptions['world'], 'inspectors'> }

export interface WindowOptions {
  readonly world: {
    readonly plane: ControlPlane
    pids(): Pids
    readonly inspectors: Readonly<Record<string, number>> | undefined
  }
  /** What the profiles of this window are called. */
  readonly name: string
  readonly profiles: string | undefined
  /** So long it goes on after the work is done, so that what the work left behind counts as well. */
  readonly tailMs: number
  readonly signal: AbortSignal
}

/** Does something and says what it cost hub, agent, API server and etcd. */
export async function measure<T>(options: WindowOptions, work: () => Promise<T>): Promise<Measured<T>> {
  const { world, signal, tailMs } = options
  const requestsBefore = await requestsNow(world.plane, signal)
  await using _profiles = await profile(options)
  const programsBefore = cpuByProgram(world.pids().hub)
  const [before, began] = [usageNow(world.pids()), Date.now()]
  const value = await work()
  await systemClock.sleep(tailMs, signal)
  const [after, durationMs] = [usageNow(world.pids()), Date.now() - began]
  const hubPrograms = difference(programsBefore, cpuByProgram(world.pids().hub))
  const requests = requestsBetween(requestsBefore, await requestsNow(world.plane, signal))
  return { value, usage: usageBetween(before, after), requests, durationMs, hubPrograms }
}

function difference(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string {
  const used = Array.from(after, ([program, seconds]) => [program, seconds - (before.get(program) ?? 0)] as const)
  return used.flatMap(([program, seconds]) => (seconds >= 0.01 ? [`${program} ${seconds.toFixed(2)}`] : [])).join(', ')
}

async function requestsNow(plane: ControlPlane, signal: AbortSignal): Promise<Requests> {
  const { status, text } = await plane.request('GET', '/metrics', { signal })
  if (status !== 200) throw new FleetError('unavailable', `read the metrics of the API server: ${status}`)
  return requestsIn(text)
}

/** Profiles the programs that can be, until it is disposed of. */
export async function profile({ world, profiles, name, signal }: ProfileOptions): Promise<AsyncDisposable> {
  const scope = new AsyncDisposableStack()
  if (!profiles || !world.inspectors) return scope
  for (const [program, port] of Object.entries(world.inspectors)) {
    const profiler = scope.use(await attachProfiler(port, signal))
    await profiler.start()
    scope.defer(() => profiler.stop(join(profiles, `${name}-${program}.cpuprofile`)))
  }
  return scope
}
