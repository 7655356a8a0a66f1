import { systemClock } from '../../../proto/base/clock.ts'
import { describeRequests, totalOf, writesOf } from '../measure/requests.ts'
import { type Usage, usageBetween, usageNow } from '../measure/usage.ts'
import type { Bench } from './bench.ts'
import { addMemory, addUsage } from './sync.ts'

const SETTLE_MS = 10_000
const ALONE_MS = 60_000

/** Nobody changes anything: what it costs that the Kustomizations are looked after all the same. */
export async function idle(bench: Bench): Promise<void> {
  const { n, options, figures, signal } = bench
  await systemClock.sleep(Math.min(SETTLE_MS, options.idleMs), signal)
  const { usage, requests, durationMs, hubPrograms } = await bench.measured('idle', () => systemClock.sleep(options.idleMs, signal), 0)
  const detail = `in ${Math.round(durationMs / 1000)} s`
  figures.add({
    figure: 'idle.requests',
    n,
    value: totalOf(requests),
    unit: 'requests',
    detail: `${detail}: ${describeRequests(requests)}`,
  })
  figures.add({
    figure: 'idle.writes',
    n,
    value: writesOf(requests),
    unit: 'requests',
    detail: `${detail}; the Lease apart: ${requests.lease} requests`,
  })
  figures.add({ figure: 'idle.cpu', n, value: usage.hub + usage.agent, unit: 'CPU s', detail })
  addUsage(bench, 'idle', { usage, hubPrograms })
  addMemory(bench, 'idle')
  const alone = await usageAlone(bench)
  const scaled = (cpuSeconds: number) => (cpuSeconds * options.idleMs) / ALONE_MS
  const aloneDetail = `hub and agent stopped; measured for ${ALONE_MS / 1000} s, told for ${Math.round(options.idleMs / 1000)} s`
  figures.add({ figure: 'idle.cpu.apiServer.alone', n, value: scaled(alone.apiServer), unit: 'CPU s', detail: aloneDetail })
}

/** What the control plane uses with nobody there. It ends hub and agent: nothing can be measured after it. */
async function usageAlone({ world, signal }: Bench): Promise<Usage> {
  const pids = world.pids()
  await world.stopFleet(signal)
  await systemClock.sleep(SETTLE_MS, signal)
  const before = usageNow(pids)
  await systemClock.sleep(ALONE_MS, signal)
  return usageBetween(before, usageNow(pids))
}
