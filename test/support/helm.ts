import { type Helm, openHelm } from '../../agent/helm/io/program.ts'
import { type HelmStorage, openHelmStorage } from '../../agent/helm/io/storage.ts'
import { serviceAccount } from '../../agent/kube/subject.ts'
import { type KubeTarget, kubeconfigTarget } from '../../agent/kube/target.ts'
import { toolPath } from '../../deploy/tools/tools.mjs'
import { systemClock } from '../../proto/base/clock.ts'
import { type HelmLimits, HelmPool, type HelmPoolOptions } from '../../proto/helm/pool.ts'
import type {
  HelmAction,
  HelmInstallOptions,
  HelmOutcome,
  HelmPostRender,
  HelmTemplateOptions,
  HelmUpgradeOptions,
} from '../../proto/helm/protocol.ts'
import { openAdminKube } from './apply-engine.ts'
import { type ChartFiles, writeChart } from './charts.ts'
import type { TestCluster } from './cluster.ts'
import { openTempDir } from './temp-dir.ts'

/** What goes into a release, beside the options of an action. */
export interface Input {
  readonly values?: Record<string, unknown>
  readonly secrets?: readonly string[]
  readonly files?: ChartFiles
  readonly version?: string
  readonly postRender?: HelmPostRender
}

/** The release `app` in a namespace of its own, made by the real program as the ServiceAccount `releaser`. */
export interface HelmWorld extends AsyncDisposable {
  readonly namespace: string
  readonly helm: Helm
  readonly target: KubeTarget
  readonly storage: HelmStorage
  /** Where homes of programs and archives of charts are. */
  readonly dir: string
  run(action: HelmAction, limits?: Partial<HelmLimits>): Promise<HelmOutcome>
  install(chart: string, input?: Input, options?: Partial<HelmInstallOptions>): Promise<HelmOutcome>
  upgrade(chart: string, input?: Input, options?: Partial<HelmUpgradeOptions>): Promise<HelmOutcome>
  template(chart: string, input?: Input, options?: HelmTemplateOptions): Promise<HelmOutcome>
  request(action: 'install' | 'upgrade', chart: string, input?: Input): Promise<HelmAction>
  /** Versions and statuses in the storage, newest first: `2 deployed`. */
  history(): Promise<readonly string[]>
  /** What a JSON path of an object in the namespace shows. */
  look(object: string, path: string): Promise<string>
}

export const WAIT = { timeoutMs: 30_000, wait: 'watcher', waitForJobs: true } as const
const INSTALL: HelmInstallOptions = { ...WAIT, serverSideApply: 'enabled', crds: 'Create', takeOwnership: true }
const UPGRADE: HelmUpgradeOptions = { ...WAIT, serverSideApply: 'auto', crds: 'Skip', takeOwnership: true }

/** @param role  ClusterRole that the ServiceAccount is bound to in its namespace */
export async function openHelmWorld(
  cluster: TestCluster,
  { role = 'admin', everywhere = false, pool: limits = {} }: { role?: string; everywhere?: boolean; pool?: Partial<HelmPoolOptions> } = {},
): Promise<HelmWorld> {
  await using scope = new AsyncDisposableStack()
  const dir = scope.use(openTempDir('helm')).path
  const connection = scope.use(await openAdminKube(cluster))
  const pool = scope.use(new HelmPool({ program: toolPath('flotilla-helm'), tempDir: dir, ...limits }))
  const namespace = await cluster.createNamespace('helm')
  await cluster.kubectl(['create', 'serviceaccount', 'releaser', '-n', namespace])
  const binding = everywhere ? ['clusterrolebinding', `releaser-${namespace}`] : ['rolebinding', 'releaser', '-n', namespace]
  if (everywhere) scope.defer(async () => void (await cluster.kubectl(['delete', ...binding])))
  await cluster.kubectl(['create', ...binding, `--clusterrole=${role}`, `--serviceaccount=${namespace}:releaser`])
  const target = await kubeconfigTarget(cluster.kubeconfig, systemClock)
  const helm = openHelm({ target, pool })(serviceAccount(namespace, 'releaser'))
  const storage = openHelmStorage(connection.as(helm.subject))
  const release = { name: 'app', namespace, storageNamespace: namespace }
  const signal = AbortSignal.timeout(600_000)
  const run: HelmWorld['run'] = (action, o = {}) => helm.run(action, { signal, deadlineMs: 60_000, ...o })
  async function inputOf(chart: string, { values = {}, secrets, files, version, postRender }: Input = {}) {
    return {
      release,
      chart: { path: await writeChart(dir, chart, files), ...(version ? { version } : {}) },
      values,
      ...(secrets ? { secrets } : {}),
      ...(postRender ? { postRender } : {}),
    }
  }
  const owned = scope.move()
  return {
    namespace,
    helm,
    target,
    storage,
    dir,
    run,
    install: async (chart, input, options) =>
      run({ action: 'install', ...(await inputOf(chart, input)), options: { ...INSTALL, ...options } }),
    upgrade: async (chart, input, options) =>
      run({ action: 'upgrade', ...(await inputOf(chart, input)), options: { ...UPGRADE, ...options } }),
    template: async (chart, input, options = {}) => run({ action: 'template', ...(await inputOf(chart, input)), options }),
    request: async (action, chart, input) =>
      action === 'install'
        ? { action, ...(await inputOf(chart, input)), options: INSTALL }
        : { action, ...(await inputOf(chart, input)), options: UPGRADE },
    history: async () => (await storage.history(release, signal)).map(({ version, info }) => `${version} ${info.status}`),
    look: (object, path) => cluster.kubectl(['get', object, '-n', namespace, '-o', `jsonpath={${path}}`]),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
