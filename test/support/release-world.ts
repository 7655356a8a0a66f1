import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Agent } from '../../agent/app.ts'
import { type Helm, openHelm } from '../../agent/helm/io/program.ts'
import { serviceAccount } from '../../agent/kube/subject.ts'
import { kubeconfigTarget } from '../../agent/kube/target.ts'
import { toolPath } from '../../deploy/tools/tools.mjs'
import { systemClock } from '../../proto/base/clock.ts'
import { HelmPool } from '../../proto/helm/pool.ts'
import type { HelmReleaseStatus } from '../../proto/model/flux/helm/helm-release.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { installAgent, openLoneAgent, plantChart } from './agent.ts'
import { type ChartFiles, packChart } from './charts.ts'
import { openCluster, type TestCluster } from './cluster.ts'
import { openTempDir, type TempDir } from './temp-dir.ts'

export interface WantedRelease {
  /** A fixture, its version and changes to its files. */
  readonly chart?: string
  readonly version?: string
  readonly files?: ChartFiles
  readonly values?: object
  readonly spec?: object
  /** Digest of the OCI artifact that the chart comes as; absent for a chart of a Helm repository. */
  readonly ociDigest?: string
}

/** HelmReleases of `flux-system`, each with its release `app` in a namespace of the same name, and an agent without a hub. */
export interface ReleaseWorld extends AsyncDisposable {
  readonly cluster: TestCluster
  /** Begins a new folder for the agent: what was planted before is nobody's concern any more. */
  fresh(): void
  /** A new namespace, and the HelmRelease that releases into it, with its chart as the hub would have said. */
  release(wanted?: WantedRelease, namespace?: string): Promise<string>
  /** What the hub says of its chart from the agent's next start on. */
  plant(name: string, wanted: WantedRelease): Promise<void>
  agent(): Promise<Agent>
  /** Helm as somebody who may do everything in a namespace, and is not the agent. */
  somebody(namespace: string): Promise<Helm>
  put(...objects: readonly Manifest[]): Promise<string>
  patch(name: string, spec: object): Promise<string>
  annotate(name: string, annotations: object): Promise<string>
  status(name: string): Promise<HelmReleaseStatus>
  /** A condition in one line, `True InstallSucceeded message`; undefined where it is not there. */
  condition(name: string, type?: string): Promise<string | undefined>
  /** The history in the status, newest first: `2 deployed`. */
  history(name: string): Promise<readonly string[]>
  /** Versions and statuses in Helm's storage, oldest first: `1 superseded`. */
  stored(namespace: string): Promise<readonly string[]>
  /** Changes what Helm's storage says of one version, as somebody's hand, or a helm that was killed, would. */
  revise(namespace: string, version: number, status: string): Promise<void>
  /** The text that the charts of the fixtures put into a ConfigMap; undefined where there is none. */
  text(namespace: string, name?: string): Promise<string | undefined>
  look(namespace: string, object: string, path: string): Promise<string>
  events(name: string): Promise<string>
}

export const WITHIN = { timeout: 40_000, interval: 50 }
const HOME = 'flux-system'

export async function openReleaseWorld(name: string): Promise<ReleaseWorld> {
  await using scope = new AsyncDisposableStack()
  const cluster = scope.use(await openCluster({ name }))
  const kubeconfig = await installAgent(cluster)
  const pools = scope.use(openTempDir('helm')).path
  const pool = scope.use(new HelmPool({ program: toolPath('flotilla-helm'), tempDir: pools }))
  let dir: TempDir = openTempDir('agent')
  scope.defer(() => dir[Symbol.asyncDispose]())
  const owned = scope.move()
  const { kubectl } = cluster
  const dataDir = () => join(dir.path, 'data')
  const put: ReleaseWorld['put'] = (...objects) =>
    kubectl(['apply', '-f', '-'], { input: objects.map((one) => JSON.stringify(one)).join('\n---\n') })
  const merge = (of: string, body: object) => kubectl(['patch', 'helmrelease', of, '-n', HOME, '--type=merge', '-p', JSON.stringify(body)])
  const read = async (...args: readonly string[]): Promise<Manifest> => JSON.parse(await kubectl(['get', ...args, '-o', 'json']))
  const status: ReleaseWorld['status'] = async (of) => ((await read('helmrelease', of, '-n', HOME)).status ?? {}) as HelmReleaseStatus
  const plant: ReleaseWorld['plant'] = async (of, wanted) => plantOne(dataDir(), releaseOf(of, wanted), wanted)
  return {
    cluster,
    put,
    status,
    plant,
    fresh: () => {
      dir = openTempDir('agent')
      owned.use(dir)
    },
    async release(wanted = {}, given) {
      const namespace = given ?? (await cluster.createNamespace('helm'))
      await plant(namespace, wanted)
      await put(releaseOf(namespace, wanted))
      return namespace
    },
    agent: () => openLoneAgent({ kubeconfig, dataDir: dataDir() }),
    async somebody(namespace) {
      await kubectl(['create', 'serviceaccount', 'somebody', '-n', namespace])
      await kubectl(['create', 'rolebinding', 'somebody', '-n', namespace, '--clusterrole=admin', `--serviceaccount=${namespace}:somebody`])
      const target = await kubeconfigTarget(cluster.kubeconfig, systemClock)
      return openHelm({ target, pool })(serviceAccount(namespace, 'somebody'))
    },
    patch: (of, spec) => merge(of, { spec }),
    annotate: (of, annotations) => merge(of, { metadata: { annotations } }),
    async condition(of, type = 'Ready') {
      const found = (await status(of)).conditions?.find((one) => one.type === type)
      return found && `${found.status} ${found.reason} ${found.message}`
    },
    history: async (of) => ((await status(of)).history ?? []).map((one) => `${one.version} ${one.status}`),
    async stored(namespace) {
      const { items } = JSON.parse(await kubectl(['get', 'secret', '-n', namespace, '-l', 'owner=helm', '-o', 'json']))
      return items.map(({ metadata: { labels } }: Manifest) => `${labels?.version} ${labels?.status}`)
    },
    revise: (namespace, version, to) => revise(cluster, { namespace, version, status: to }),
    text: (namespace, of = 'app') =>
      read('configmap', of, '-n', namespace).then(
        ({ data }) => (data as { text: string }).text,
        () => undefined,
      ),
    look: (namespace, object, path) => kubectl(['get', object, '-n', namespace, '-o', `jsonpath={${path}}`]),
    events: (of) => kubectl(['get', 'events', '-n', HOME, '--field-selector', `involvedObject.name=${of}`]),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function releaseOf(namespace: string, { chart = 'app', ociDigest, spec, values = { deployment: false } }: WantedRelease): Manifest {
  const template = { spec: { chart, version: '*', sourceRef: { kind: 'HelmRepository', name: 'charts' } } }
  return {
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    metadata: { name: namespace, namespace: HOME },
    spec: {
      interval: '10m',
      releaseName: 'app',
      targetNamespace: namespace,
      storageNamespace: namespace,
      ...(ociDigest ? { chartRef: { kind: 'OCIRepository', name: namespace } } : { chart: template }),
      values,
      ...spec,
    },
  }
}

async function plantOne(dataDir: string, release: Manifest, wanted: WantedRelease): Promise<void> {
  const { chart = 'app', files, ociDigest, version = '1.0.0' } = wanted
  const { name } = release.metadata
  const at = { group: 'source.toolkit.fluxcd.io', namespace: HOME }
  const source = ociDigest ? { ...at, kind: 'OCIRepository', name } : { ...at, kind: 'HelmChart', name: `${HOME}-${name}` }
  const chartFile = `apiVersion: v2\nname: ${chart}\nversion: ${version}\nappVersion: "9"\n`
  const packed = await packChart(chart, { 'Chart.yaml': chartFile, ...files })
  await plantChart(dataDir, source, { release, chart: packed, revision: ociDigest ? `${version}@${ociDigest}` : version })
}

async function revise(cluster: TestCluster, o: { readonly namespace: string; readonly version: number; readonly status: string }) {
  const at = ['secret', `sh.helm.release.v1.app.v${o.version}`, '-n', o.namespace]
  const { data } = JSON.parse(await cluster.kubectl(['get', ...at, '-o', 'json'])) as { readonly data: { readonly release: string } }
  const text = Buffer.from(Buffer.from(data.release, 'base64').toString(), 'base64')
  const release = JSON.parse(gunzipSync(text).toString()) as { readonly info: object }
  const payload = JSON.stringify({ ...release, info: { ...release.info, status: o.status } })
  const packed = Buffer.from(gzipSync(payload).toString('base64')).toString('base64')
  const body = { metadata: { labels: { status: o.status } }, data: { release: packed } }
  await cluster.kubectl(['patch', ...at, '--type=merge', '-p', JSON.stringify(body)])
}
