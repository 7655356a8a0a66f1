import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeServiceAccountKubeconfig } from '../../deploy/local/cluster/service-account.ts'
import { Processes } from '../../deploy/local/process/processes.ts'
import { CHECKOUT } from '../../deploy/local/world-home.ts'
import { AGENT_IDENTITY } from '../../proto/model/identities.ts'
import { openCluster, type TestCluster } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { openTestHub, type TestHub } from '../support/hub.ts'

// `flotilla cluster join` against a real control plane. No kubelet pulls images there, so the test runs the agent that the
// Deployment describes: as its ServiceAccount, with the join token that the command has put into the cluster.

const CRD = 'kustomizations.kustomize.toolkit.fluxcd.io'
let hub: TestHub
let cluster: TestCluster
const scope = new AsyncDisposableStack()

beforeAll(async () => {
  hub = scope.use(await openTestHub())
  cluster = scope.use(await openCluster({ name: 'joining' }))
})
afterAll(() => scope.disposeAsync())

const tokenIn = async () => {
  const secret = JSON.parse(await cluster.kubectl(['get', 'secret', 'flotilla-join-token', '-n', 'flotilla-system', '-o', 'json']))
  return Buffer.from(secret.data.token, 'base64').toString()
}

async function startAgent(): Promise<void> {
  const signal = AbortSignal.timeout(30_000)
  const file = (name: string, text: string) => {
    const path = join(hub.dir, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  const config = JSON.parse(await cluster.kubectl(['get', 'configmap', 'flotilla-hub', '-n', 'flotilla-system', '-o', 'json']))
  const processes = new Processes(hub.dir)
  scope.defer(() => processes.stop('agent', { signal: AbortSignal.timeout(30_000) }))
  const kubeconfig = await writeServiceAccountKubeconfig(cluster, { ...AGENT_IDENTITY, file: join(hub.dir, 'agent-kubeconfig'), signal })
  await processes.start(
    {
      name: 'agent',
      command: [process.execPath, join(CHECKOUT, 'agent/main.ts')],
      env: {
        FLOTILLA_AGENT_DATA_DIR: join(hub.dir, 'agent-data'),
        FLOTILLA_HUB: `127.0.0.1:${hub.grpcPort}`,
        FLOTILLA_HUB_CA: file('hub-ca.pem', config.data['ca.crt']),
        FLOTILLA_CLUSTER_NAME: 'edge',
        FLOTILLA_JOIN_TOKEN_FILE: file('join-token', await tokenIn()),
        KUBECONFIG: kubeconfig,
      },
    },
    { signal },
  )
}

test('cluster join installs everything, leaves what is there alone, and waits until the agent is connected', async () => {
  const foreign = `${CHECKOUT}/deploy/manifests/crds/kustomize.toolkit.fluxcd.io_kustomizations.yaml`
  await cluster.kubectl(['apply', '--server-side', '-f', foreign])
  await cluster.kubectl(['label', 'crd', CRD, 'of=somebody-else'])
  const before = await cluster.kubectl(['get', 'crd', CRD, '-o', 'jsonpath={.metadata.resourceVersion}'])
  const context = (await cluster.kubectl(['config', 'current-context'])).trim()

  const joining = hub.flotilla(
    ['cluster', 'join', 'edge', '--context', context, '--kubeconfig', cluster.kubeconfig, '--label', 'tier=edge', '--timeout', '100s'],
    { signal: AbortSignal.timeout(110_000) },
  )
  await eventually('the join token is in the cluster', tokenIn, { timeoutMs: 60_000 })
  await startAgent()
  const { code, out, said } = await joining

  expect({ code, out }).toEqual({ code: 0, out: '' })
  expect(said).toContain('which is cluster-admin; --lockdown leaves it out')
  expect(said).toContain('✔ cluster edge is part of the fleet')
  expect(said).not.toContain(await tokenIn())
  expect(await cluster.kubectl(['get', 'crd', CRD, '-o', 'jsonpath={.metadata.resourceVersion} {.metadata.labels.of}'])).toBe(
    `${before} somebody-else`,
  )
  expect(await cluster.kubectl(['get', 'deployment', '-n', 'flotilla-system', '-o', 'name'])).toContain('flotilla-agent')
  expect((await hub.flotilla(['get', 'clusters'])).out).toMatch(/^edge +True .*tier=edge/m)
})

test('login then makes a context for it', async () => {
  const kubeconfig = join(hub.dir, 'kubeconfig')
  expect((await hub.flotilla(['login', '--kubeconfig', kubeconfig])).said).toBe(`✔ ${kubeconfig} has the contexts fleet, edge\n`)
})

test('an unknown context is refused before anything is made', async () => {
  const { code, said } = await hub.flotilla(['cluster', 'join', 'other', '--context', 'nowhere', '--kubeconfig', cluster.kubeconfig])
  expect(code).toBe(3)
  expect(said).toMatch(/has no context nowhere; it has \S+/)
  expect((await hub.flotilla(['join-token', 'list', '-o', 'json'])).out).not.toContain('"other"')
})

test('cluster remove cuts the agent off', async () => {
  expect(await hub.flotilla(['cluster', 'remove', 'edge'])).toMatchObject({ code: 0 })
  expect(await hub.flotilla(['get', 'ks', '--cluster', 'edge'])).toMatchObject({ code: 3 })
})
