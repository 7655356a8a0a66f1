import { join } from 'node:path'
import { type KubeConnection, openKube } from '../../../agent/kube/connection.ts'
import { kubeconfigTarget } from '../../../agent/kube/target.ts'
import { systemClock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import { silentLog } from '../../../proto/base/log.ts'
import { systemRandom } from '../../../proto/base/random.ts'
import { attachControlPlane, type ControlPlane } from '../../local/control-plane.ts'
import { agentFiles, agentName, fleetProgram, hubFiles } from '../../local/fleet-programs.ts'
import { freePorts } from '../../local/process/ports.ts'
import { Processes } from '../../local/process/processes.ts'
import { startWorld, stopWorld } from '../../local/world.ts'
import { readWorld } from '../../local/world-home.ts'
import { toolPath } from '../../tools/tools.mjs'
import type { Pids } from '../measure/usage.ts'
import { type HubApi, openHubApi } from './hub-api.ts'
import { createRepository, type Repository } from './repository.ts'
import { openTempDir } from './temp-dir.ts'

export const CLUSTER = 'bench'

/** Hub and git server as real processes, without any cluster. */
export interface HubWorld extends AsyncDisposable {
  readonly dir: string
  /** `host:port` for agents. */
  readonly grpc: string
  readonly api: HubApi
  readonly repository: Repository
  hubPid(): number
}

/** The same with one real cluster and its agent. */
export interface ClusterWorld extends HubWorld {
  readonly plane: ControlPlane
  /** As the cluster's administrator: P&F does not hold it up, and its requests are not counted. */
  readonly admin: KubeConnection
  /** With the agent's own credentials. */
  readonly agent: KubeConnection
  pids(): Pids
  /** Ports where hub and agent can be profiled; undefined unless asked for. */
  readonly inspectors: { readonly hub: number; readonly agent: number } | undefined
}

export async function openHubWorld(signal: AbortSignal): Promise<HubWorld> {
  await using scope = new AsyncDisposableStack()
  const base = await openBase([], { scope, signal })
  const owned = scope.move()
  return { ...base, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

export async function openClusterWorld(o: { readonly inspect: boolean; readonly signal: AbortSignal }): Promise<ClusterWorld> {
  await using scope = new AsyncDisposableStack()
  const base = await openBase([CLUSTER], { scope, signal: o.signal })
  const home = join(base.dir, 'clusters', CLUSTER)
  const tools = toolPaths()
  const plane = scope.use(attachControlPlane({ name: CLUSTER, dir: home, tools, log: silentLog }))
  const connect = async (kubeconfig: string) =>
    scope.use(openKube(await kubeconfigTarget(kubeconfig, systemClock), { clock: systemClock, random: systemRandom }))
  const admin = await connect(plane.kubeconfig)
  const agent = await connect(agentFiles(base.dir, CLUSTER).kubeconfig)
  const inspectors = o.inspect ? await openInspectors(base.dir, o.signal) : undefined
  const pidOf = (folder: string, name: string) => {
    const pid = new Processes(folder).pid(name)
    if (pid === undefined) throw new FleetError('unavailable', `measure ${name}: it does not run any more; see ${folder}/logs/${name}.log`)
    return pid
  }
  const owned = scope.move()
  return {
    ...{ ...base, plane, admin, agent, inspectors },
    pids: () => ({
      hub: base.hubPid(),
      agent: pidOf(base.dir, agentName(CLUSTER)),
      apiServer: pidOf(home, 'kube-apiserver'),
      etcd: pidOf(home, 'etcd'),
      controllers: pidOf(home, 'kube-controller-manager'),
    }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function openBase(
  clusters: readonly string[],
  { scope, signal }: { readonly scope: AsyncDisposableStack; readonly signal: AbortSignal },
) {
  const { path: dir } = scope.use(openTempDir())
  scope.defer(() => stopWorld(dir, { signal: AbortSignal.timeout(120_000) }))
  const world = await startWorld({ dir, clusters, onlyClusters: false, tools: toolPaths(), signal, log: silentLog })
  if (!world.git || !world.hub) throw new FleetError('internal', 'start the world of the bench: it has no hub')
  const api = scope.use(openHubApi(world.hub.cliConfig))
  const repository = await createRepository({ served: world.git.dir, url: world.git.url, work: join(dir, 'work') })
  const hubPid = () => {
    const pid = new Processes(dir).pid('hub')
    if (pid === undefined) throw new FleetError('unavailable', `measure the hub: it does not run any more; see ${dir}/logs/hub.log`)
    return pid
  }
  return { dir, grpc: world.hub.grpc, api, repository, hubPid }
}

/** Starts hub and agent again so that a profiler can be attached; until one is, that costs nothing. */
async function openInspectors(dir: string, signal: AbortSignal): Promise<{ readonly hub: number; readonly agent: number }> {
  const processes = new Processes(dir)
  const [hub = 0, agent = 0] = await freePorts(2)
  for (const [name, port] of [
    ['hub', hub],
    [agentName(CLUSTER), agent],
  ] as const) {
    const program = fleetProgram(readWorld(dir), name)
    const [file, ...args] = program.command
    await processes.start({ ...program, command: [file, `--inspect=127.0.0.1:${port}`, ...args] }, { signal })
  }
  const api = openHubApi(hubFiles(dir).cliConfig)
  await processes.whenReady('hub', async () => (await api.get('/readyz', signal)) !== '', { signal })
  await api[Symbol.asyncDispose]()
  return { hub, agent }
}

function toolPaths() {
  return {
    kubernetes: toolPath('kubernetes'),
    kwok: toolPath('kwok'),
    natsServer: toolPath('nats-server'),
    kustomize: toolPath('flotilla-kustomize'),
  }
}
