import { systemClock } from '../../../proto/base/clock.ts'
import { describeRequests, totalOf, writesOf } from '../measure/requests.ts'
import type { Bench } from './bench.ts'
import { addMemory, addUsage } from './sync.ts'

const SETTLE_MS = 10_000

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
}
