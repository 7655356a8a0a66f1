import type { Condition } from '../../proto/model/condition.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { eventually } from './eventually.ts'
import { readyOf, yaml } from './flux.ts'
import type { TestWorld } from './world.ts'

/** One namespace of one cluster of a world, as its administrator sees it: past the hub. */
export interface ClusterView {
  apply(...objects: readonly Manifest[]): Promise<void>
  /** The object as soon as it is Ready in its present generation. */
  ready(kind: string, name: string): Promise<Manifest>
  /** The Ready condition as soon as it is about the present generation and `is` likes it. */
  says(kind: string, name: string, is: (ready: Condition, object: Manifest) => boolean): Promise<Condition>
  /** The Ready condition as soon as it is False for this reason. */
  fails(kind: string, name: string, reason: string): Promise<Condition>
  /** Asks for a reconcile as `flux reconcile` does, and answers when the object has handled it. */
  reconcile(kind: string, name: string): Promise<Manifest>
  gone(kind: string, name: string, namespace?: string): Promise<unknown>
  /** Data of a ConfigMap, undefined where there is none. */
  data(name: string, namespace?: string): Promise<Readonly<Record<string, string>> | undefined>
}

export function viewCluster(world: TestWorld, cluster: string, namespace = 'flux-system'): ClusterView {
  const get = (kind: string, name: string) => world.get(cluster, kind, name, namespace)
  const says: ClusterView['says'] = async (kind, name, is) => {
    let last: Condition | undefined
    const look = async () => {
      const object = await get(kind, name)
      last = readyOf(object)
      return object && last && last.observedGeneration === object.metadata.generation && is(last, object) ? last : undefined
    }
    try {
      return await eventually(`${kind} ${name} says what was asked for`, look)
    } catch (error) {
      throw new Error(`${String(error)}; Ready: ${JSON.stringify(last)}`)
    }
  }
  return {
    apply: async (...objects) => void (await world.kubectl(cluster, ['apply', '-f', '-'], yaml(...objects))),
    async ready(kind, name) {
      await says(kind, name, ({ status }) => status === 'True')
      return (await get(kind, name)) as Manifest
    },
    says,
    fails: (kind, name, reason) => says(kind, name, (ready) => ready.status === 'False' && ready.reason === reason),
    async reconcile(kind, name) {
      const at = `${Date.now()}`
      await world.kubectl(cluster, ['annotate', kind, name, '-n', namespace, '--overwrite', `reconcile.fluxcd.io/requestedAt=${at}`])
      return eventually(`${kind} ${name} handled the request`, async () => {
        const object = await get(kind, name)
        return (object?.status as { lastHandledReconcileAt?: string } | undefined)?.lastHandledReconcileAt === at && object
      })
    },
    gone: (kind, name, where = 'default') =>
      eventually(`${kind} ${name} is gone`, async () => (await world.get(cluster, kind, name, where)) === undefined),
    async data(name, where = 'default') {
      return ((await world.get(cluster, 'configmap', name, where)) as { data?: Record<string, string> } | undefined)?.data
    },
  }
}
