import { serviceAccount } from '../../../agent/kube/subject.ts'
import { PLATFORM_IDENTITY } from '../../../proto/model/identities.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { FIELD_MANAGER } from '../../../proto/model/names.ts'
import { appName, appObjects } from '../bed/workload.ts'
import { eachAtOnce, nowMs } from '../measure/timing.ts'
import type { Bench } from './bench.ts'

const NAMESPACE = 'bench-limit'
/** As many as there are connections. */
const AT_ONCE = 8

/** What the API server can do at most on this machine: the same objects from one client, without anything around it. */
export async function limit(bench: Bench): Promise<void> {
  const { n, world, figures, signal } = bench
  const namespace: Manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } }
  await world.admin.own.create(namespace, { fieldManager: 'bench', signal })
  const kube = world.agent.as(serviceAccount(PLATFORM_IDENTITY.namespace, PLATFORM_IDENTITY.name))
  const objects = Array.from({ length: n }, (_, index) => appObjects(appName(index), 'limit', NAMESPACE)).flat()
  const send = async (dryRun: boolean) => {
    const began = nowMs()
    await eachAtOnce(objects, AT_ONCE, (object) => kube.apply(object, { fieldManager: FIELD_MANAGER, force: true, dryRun, signal }))
    return (nowMs() - began) / 1000
  }
  for (const [figure, dryRun] of [
    ['limit.dry-run', true],
    ['limit.apply', false],
  ] as const) {
    const { value, usage } = await bench.measured(figure, () => send(dryRun), 0)
    const detail = `${objects.length} objects, ${Math.round(objects.length / value)} per second, ${usage.apiServer.toFixed(1)} CPU s of the API server`
    figures.add({ figure, n, value, unit: 's', detail })
  }
}
