import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Helm, openHelm } from '../../agent/helm/io/program.ts'
import { type HelmStorage, openHelmStorage } from '../../agent/helm/io/storage.ts'
import type { KubeConnection } from '../../agent/kube/connection.ts'
import { serviceAccount } from '../../agent/kube/subject.ts'
import { kubeconfigTarget } from '../../agent/kube/target.ts'
import { toolPath } from '../../deploy/tools/tools.mjs'
import { systemClock } from '../../proto/base/clock.ts'
import { HelmPool } from '../../proto/helm/pool.ts'
import type { HelmInstallOptions, HelmOutcome, HelmUpgradeOptions } from '../../proto/helm/protocol.ts'
import { openAdminKube } from '../support/apply-engine.ts'
import { type ChartFiles, writeChart } from '../support/charts.ts'
import { openSharedCluster, type TestCluster } from '../support/cluster.ts'
import { openTempDir, type TempDir } from '../support/temp-dir.ts'

let cluster: TestCluster
let connection: KubeConnection
let pool: HelmPool
let dir: TempDir
let namespace: string
let helm: Helm
let storage: HelmStorage
const signal = AbortSignal.timeout(600_000)
const limits = { signal, deadlineMs: 60_000 }

beforeAll(async () => {
  cluster = await openSharedCluster()
  connection = await openAdminKube(cluster)
  dir = openTempDir('helm')
  pool = new HelmPool({ program: toolPath('flotilla-helm'), tempDir: dir.path })
})
afterAll(async () => {
  await pool[Symbol.asyncDispose]()
  await connection[Symbol.asyncDispose]()
  await cluster[Symbol.asyncDispose]()
  await dir[Symbol.asyncDispose]()
})
beforeEach(async () => {
  namespace = await cluster.createNamespace('helm')
  await cluster.kubectl(['create', 'serviceaccount', 'releaser', '-n', namespace])
  await cluster.kubectl([
    'create',
    'rolebinding',
    'releaser',
    '-n',
    namespace,
    '--clusterrole=admin',
    `--serviceaccount=${namespace}:releaser`,
  ])
  helm = openHelm({ target: await kubeconfigTarget(cluster.kubeconfig, systemClock), pool })(serviceAccount(namespace, 'releaser'))
  storage = openHelmStorage(connection.as(helm.subject))
})

const release = () => ({ name: 'app', namespace, storageNamespace: namespace })
const INSTALL: HelmInstallOptions = {
  timeoutMs: 30_000,
  wait: 'watcher',
  waitForJobs: true,
  serverSideApply: 'enabled',
  crds: 'Create',
  takeOwnership: true,
}
const UPGRADE: HelmUpgradeOptions = { ...INSTALL, serverSideApply: 'auto', crds: 'Skip' }
const chart = async (name: string, changes: ChartFiles = {}) => ({ path: await writeChart(dir.path, name, changes) })
const history = async () => (await storage.history(release(), signal)).map(({ version, info }) => `${version} ${info.status}`)

async function install(name: string, values = {}, options: Partial<HelmInstallOptions> = {}): Promise<HelmOutcome> {
  return helm.run({ action: 'install', release: release(), chart: await chart(name), values, options: { ...INSTALL, ...options } }, limits)
}

async function upgrade(name: string, values = {}, options: Partial<HelmUpgradeOptions> = {}): Promise<HelmOutcome> {
  return helm.run({ action: 'upgrade', release: release(), chart: await chart(name), values, options: { ...UPGRADE, ...options } }, limits)
}

test('installs, upgrades and uninstalls a release that the storage tells of', async () => {
  const installed = await install('app', { text: 'one' })
  expect(installed).toMatchObject({
    kind: 'done',
    answer: { release: { version: 1, status: 'deployed', chart: { name: 'app', version: '1.2.3' } } },
  })
  expect(await cluster.kubectl(['get', 'configmap', 'app', '-n', namespace, '-o', 'jsonpath={.data.text}'])).toBe('one')
  expect(await upgrade('app', { text: 'two', replicas: 2 })).toMatchObject({
    kind: 'done',
    answer: { release: { version: 2, status: 'deployed' } },
  })
  expect(await history()).toEqual(['2 deployed', '1 superseded'])
  const [newest] = await storage.history(release(), signal)
  expect(newest).toMatchObject({ config: { text: 'two', replicas: 2 }, applyMethod: 'ssa', chart: { appVersion: '4.5.6' } })
  expect(newest?.manifest).toContain('kind: Deployment')
  const options = { timeoutMs: 30_000, wait: 'watcher' } as const
  expect(await helm.run({ action: 'uninstall', release: release(), options }, limits)).toMatchObject({ kind: 'done' })
  expect(await history()).toEqual([])
  expect(
    await cluster.kubectl(['get', 'configmap,deployment', '-n', namespace, '-l', 'app.kubernetes.io/managed-by=Helm', '-o', 'name']),
  ).toBe('')
})
