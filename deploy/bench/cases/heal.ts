import { within } from '../../../proto/base/signals.ts'
import { APPS_NAMESPACE, appName } from '../bed/workload.ts'
import { eachAtOnce, later, median, nowMs } from '../measure/timing.ts'
import type { Bench } from './bench.ts'

/** Somebody deletes an object; it comes back. One at a time. */
export async function heal({ n, world, configMaps, options, figures, signal }: Bench): Promise<void> {
  const names = Array.from({ length: options.tries }, (_, at) => appName(Math.floor((at * n) / options.tries)))
  const times: number[] = []
  await eachAtOnce(names, 1, async (name) => {
    const uid = configMaps.get(name)?.metadata.uid
    const soon = within(120_000, signal)
    const back = later(configMaps.until(1, ({ metadata }) => metadata.name === name && metadata.uid !== uid, soon))
    // Before the request: the object may be back before the deletion is answered.
    const deleted = nowMs()
    await world.admin.own.remove({ apiVersion: 'v1', kind: 'ConfigMap', name, namespace: APPS_NAMESPACE }, { signal })
    times.push(((await back).all - deleted) / 1000)
  })
  figures.add({ figure: 'heal.back', n, value: median(times), worst: Math.max(...times), unit: 's' })
}
