import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { inject } from 'vitest'
import { writeServiceAccountKubeconfig } from '../../deploy/local/cluster/service-account.ts'
import { attachControlPlane, type ControlPlane, isControlPlaneReady, openControlPlane } from '../../deploy/local/control-plane.ts'
import { underLock } from '../../deploy/tools/lock.mjs'
import { toolPath } from '../../deploy/tools/tools.mjs'
import { silentLog } from '../../proto/base/log.ts'
import { kubectl } from './kubectl.ts'
import { openTempDir } from './temp-dir.ts'

/** A real control plane as tests use it. */
export interface TestCluster extends ControlPlane {
  /** Runs the real kubectl as administrator and returns what it printed; a failure throws with its words. */
  kubectl(args: readonly string[], options?: { readonly input?: string; readonly signal?: AbortSignal }): Promise<string>
  /** Makes a namespace of that name and a random end, and returns its name. Waits for its ServiceAccount `default`. */
  createNamespace(name: string): Promise<string>
  /** Path of a new kubeconfig that acts as that ServiceAccount, which must exist. */
  serviceAccountKubeconfig(namespace: string, name: string): Promise<string>
}

/** A control plane of the test's own, for tests that stop programs or change the whole cluster. Gone after use. */
export async function openCluster(options: { readonly name?: string; readonly signal?: AbortSignal } = {}): Promise<TestCluster> {
  const { name = 'test', signal = AbortSignal.timeout(120_000) } = options
  await using scope = new AsyncDisposableStack()
  const dir = scope.use(openTempDir(`cluster-${name}`))
  const plane = scope.use(await openControlPlane({ name, dir: dir.path, tools: tools(), signal, log: silentLog }))
  const owned = scope.move()
  return asTestCluster(plane, () => owned.disposeAsync())
}

/**
 * The one control plane that all files of this run share: started by the first that asks, ended with the run. Each file
 * works in namespaces of its own (`createNamespace`) and cleans up what is not in a namespace.
 */
export async function openSharedCluster(): Promise<TestCluster> {
  const dir = join(inject('runDir'), 'shared-cluster')
  const options = { name: 'shared', dir, tools: tools(), log: silentLog }
  const start = async () => {
    if (isControlPlaneReady(dir)) return
    const plane = await openControlPlane({ ...options, signal: AbortSignal.timeout(120_000) })
    await plane.release()
  }
  await underLock(`${dir}.lock`, { waiting: () => {}, work: start })
  const plane = attachControlPlane(options)
  return asTestCluster(plane, async () => plane[Symbol.asyncDispose]())
}

function tools() {
  return { kubernetes: toolPath('kubernetes'), kwok: toolPath('kwok') }
}

function asTestCluster(plane: ControlPlane, dispose: () => Promise<void>): TestCluster {
  const run: TestCluster['kubectl'] = (args, options) => kubectl(plane.kubeconfig, args, options)
  return {
    ...plane,
    kubectl: run,
    async createNamespace(name) {
      const namespace = `${name}-${randomBytes(3).toString('hex')}`
      await run(['create', 'namespace', namespace])
      await run(['wait', '--for=create', 'serviceaccount/default', '-n', namespace, '--timeout=30s'])
      return namespace
    },
    serviceAccountKubeconfig(namespace, name) {
      const file = join(plane.dir, `kubeconfig-${namespace}-${name}-${randomBytes(3).toString('hex')}`)
      return writeServiceAccountKubeconfig(plane, { namespace, name, file, lifeSeconds: 3600, signal: AbortSignal.timeout(30_000) })
    },
    [Symbol.asyncDispose]: dispose,
  }
}
