import { eventually } from './eventually.ts'
import { aConfigMap, yaml } from './flux.ts'
import type { TestWorld } from './world.ts'

/** Label of a pod that stays pending in a local cluster until somebody takes the label away. */
export const NEVER_READY = { 'local.flotilla.dev/pod': 'never-ready' }

interface AppOptions {
  readonly name?: string
  readonly namespace?: string
  readonly podLabels?: Readonly<Record<string, string>>
  /** After so long without progress the Deployment says that it has failed. */
  readonly deadlineSeconds?: number
}

/** A Deployment, and a ConfigMap of the same name that says its version. */
export function anApp(version: string, { deadlineSeconds, name = 'app', namespace = 'default', podLabels = {} }: AppOptions = {}): string {
  return yaml(aConfigMap(name, { version }, namespace), {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      ...(deadlineSeconds === undefined ? {} : { progressDeadlineSeconds: deadlineSeconds }),
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name, ...podLabels }, annotations: { version } },
        spec: { containers: [{ name: 'app', image: 'example.com/app:1' }] },
      },
    },
  })
}

/** Which version of the app `app` each cluster has, past the hub. */
export interface AppVersions {
  of(cluster: string): Promise<string | undefined>
  /** Waits until the cluster has it. */
  is(cluster: string, version: string): Promise<unknown>
  /** In the order of the clusters. */
  all(): Promise<readonly (string | undefined)[]>
}

export function viewVersions(world: TestWorld, clusters: readonly string[], namespace = 'default'): AppVersions {
  const of: AppVersions['of'] = async (cluster) =>
    ((await world.get(cluster, 'configmap', 'app', namespace)) as { data?: { version?: string } } | undefined)?.data?.version
  return {
    of,
    is: (cluster, version) => eventually(`${cluster} has ${version}`, async () => (await of(cluster)) === version, { timeoutMs: 60_000 }),
    all: () => Promise.all(clusters.map(of)),
  }
}
