import { cp } from 'node:fs/promises'
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

/** Port of the profiler by program. */
export type Inspectors = Readonly<Record<string, number>>

/** Hub and git server as real processes, without any cluster. */
export interface HubWorld extends AsyncDisposable {
  readonly dir: string
  /** `host:port` for agents. */
  readonly grpc: string
  readonly api: HubApi
  readonly repository: Repository
  hubPid(): number
  /** Ends the hub; what it started ends with it, unless it is killed. */
  stopHub(how: { readonly signal: AbortSignal; readonly kill?: boolean }): Promise<void>
  /** Starts the hub again, with the flags that it had. Does not wait until it is ready. */
  startHub(): Promise<void>
  /** Ports where programs can be profiled; undefined unless asked for. */
  readonly inspectors: Inspectors | undefined
}

/** The same with one real cluster and its agent. */
export interface ClusterWorld extends HubWorld {
  readonly plane: ControlPlane
  /** As the cluster's administrator: P&F does not hold it up, and its requests are not counted. */
  readonly admin: KubeConnection
  /** With the agent's own credentials. */
  readonly agent: KubeConnection
  pids(): Pids
  /** Ends hub and agent. */
  stopFleet(signal: AbortSignal): Promise<void>
}

export async function openHubWorld(o: Pick<WorldOptions, 'inspect' | 'signal'>): Promise<HubWorld> {
  await using scope = new AsyncDisposableStack()
  const base = await openBase([], { scope, ...o, agentFlags: [] })
  const owned = scope.move()
  return { ...base, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

export interface WorldOptions {
  /** True makes hub and agent ready for a profiler. */
  readonly inspect: boolean
  /** Flags of the Node that runs the agent. */
  readonly agentFlags: readonly string[]
  readonly signal: AbortSignal
}

export async function openClusterWorld(o: WorldOptions): Promise<ClusterWorld> {
  await using scope = new AsyncDisposableStack()
  const base = await openBase([CLUSTER], { scope, ...o })
  const home = join(base.dir, 'clusters', CLUSTER)
  const tools = toolPaths()
  const plane = scope.use(attachControlPlane({ name: CLUSTER, dir: home, tools, log: silentLog }))
  const connect = async (kubeconfig: string) =>
    scope.use(openKube(await kubeconfigTarget(kubeconfig, systemClock), { clock: systemClock, random: systemRandom }))
  const admin = await connect(plane.kubeconfig)
  const agent = await connect(agentFiles(base.dir, CLUSTER).kubeconfig)
  const pidOf = (folder: string, name: string) => {
    const pid = new Processes(folder).pid(name)
    if (pid === undefined) throw new FleetError('unavailable', `measure ${name}: it does not run any more; see ${folder}/logs/${name}.log`)
    return pid
  }
  const owned = scope.move()
  return {
    ...{ ...base, plane, admin, agent },
    pids: () => ({
      hub: base.hubPid(),
      agent: pidOf(base.dir, agentName(CLUSTER)),
      apiServer: pidOf(home, 'kube-apiserver'),
      etcd: pidOf(home, 'etcd'),
      controllers: pidOf(home, 'kube-controller-manager'),
    }),
    async stopFleet(fleetSignal) {
      for (const name of [agentName(CLUSTER), 'hub']) await new Processes(base.dir).stop(name, { signal: fleetSignal, graceMs: 20_000 })
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** With the profiles go the logs of the programs that they are of. */
export async function keepLogs(world: Pick<HubWorld, 'dir'>, o: { readonly profiles: string | undefined }, name: string): Promise<void> {
  if (o.profiles) await cp(join(world.dir, 'logs'), join(o.profiles, `${name}-logs`), { recursive: true })
}

async function openBase(clusters: readonly string[], { scope, ...o }: WorldOptions & { readonly scope: AsyncDisposableStack }) {
  const { path: dir } = scope.use(openTempDir())
  scope.defer(() => stopWorld(dir, { signal: AbortSignal.timeout(120_000) }))
  const { signal } = o
  const world = await startWorld({ dir, clusters, onlyClusters: false, tools: toolPaths(), signal, log: silentLog })
  if (!world.git || !world.hub) throw new FleetError('internal', 'start the world of the bench: it has no hub')
  const api = scope.use(openHubApi(world.hub.cliConfig))
  const repository = await createRepository({ served: world.git.dir, url: world.git.url, work: join(dir, 'work') })
  const hubPid = () => {
    const pid = new Processes(dir).pid('hub')
    if (pid === undefined) throw new FleetError('unavailable', `measure the hub: it does not run any more; see ${dir}/logs/hub.log`)
    return pid
  }
  const stopHub: HubWorld['stopHub'] = (how) => new Processes(dir).stop('hub', { graceMs: 20_000, ...how })
  return { dir, grpc: world.hub.grpc, api, repository, hubPid, stopHub, ...(await restart(dir, clusters, o)) }
}

interface Restarted {
  readonly inspectors: Inspectors | undefined
  readonly startHub: HubWorld['startHub']
}

/** Starts hub and agent again with other flags of Node; a profiler can be attached then, and costs nothing until it is. */
async function restart(dir: string, clusters: readonly string[], { inspect, agentFlags, signal }: WorldOptions): Promise<Restarted> {
  const processes = new Processes(dir)
  const [hub = 0, agent = 0] = inspect ? await freePorts(2) : []
  const start = async (name: string, port: number, flags: readonly string[]) => {
    const program = fleetProgram(readWorld(dir), name)
    const [file, ...args] = program.command
    const all = inspect ? [...flags, `--inspect=127.0.0.1:${port}`] : flags
    await processes.start({ ...program, command: [file, ...all, ...args] }, { signal })
  }
  const startHub = () => start('hub', hub, [])
  if (!inspect && agentFlags.length === 0) return { inspectors: undefined, startHub }
  if (inspect) await startHub()
  for (const cluster of clusters) await start(agentName(cluster), agent, agentFlags)
  await hubIsReady(dir, signal)
  return { inspectors: inspect ? { hub, ...(clusters.length > 0 ? { agent } : {}) } : undefined, startHub }
}

/** Waits until the hub answers. */
export async function hubIsReady(dir: string, signal: AbortSignal): Promise<void> {
  await using api = openHubApi(hubFiles(dir).cliConfig)
  await new Processes(dir).whenReady('hub', async () => (await api.get('/readyz', signal)) !== '', { signal })
}

function toolPaths() {
  return {
    kubernetes: toolPath('kubernetes'),
    kwok: toolPath('kwok'),
    natsServer: toolPath('nats-server'),
    kustomize: toolPath('flotilla-kustomize'),
    helm: toolPath('flotilla-helm'),
  }
}
