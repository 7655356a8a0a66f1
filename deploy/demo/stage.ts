import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FleetError } from '../../proto/base/errors.ts'
import { type Log, silentLog } from '../../proto/base/log.ts'
import { within } from '../../proto/base/signals.ts'
import { openAdmin } from '../local/cluster/admin.ts'
import { fleetProgram } from '../local/fleet-programs.ts'
import { Processes } from '../local/process/processes.ts'
import { runProgram } from '../local/process/run-program.ts'
import { startWorld, stopWorld } from '../local/world.ts'
import { CHECKOUT, readWorld } from '../local/world-home.ts'
import { showing } from '../tools/progress.mjs'
import { kubectlCommand, kubectlProgram, toolPath } from '../tools/tools.mjs'
import { commandLine, counter } from './format.ts'
import { CLUSTERS } from './model.ts'
import { runShown } from './program.ts'
import { createRepository, type Repository } from './repository.ts'
import type { Screen } from './screen.ts'
import type { Places } from './summary.ts'
import { type ClusterView, openClusterView } from './view/cluster-view.ts'
import type { Viewer } from './viewer.ts'

const FLOTILLA = join(CHECKOUT, 'bin/flotilla.mjs')

/** Everything that the steps play with: real clusters, hub, agents and git server, and the programs that a viewer has. */
export interface Stage extends AsyncDisposable {
  readonly screen: Screen
  readonly viewer: Viewer
  readonly clusters: readonly ClusterView[]
  /** The repository of the platform team, and that of team A. */
  readonly fleet: Repository
  readonly team: Repository
  readonly places: Places & { readonly dir: string; readonly logs: string }
  cluster(name: (typeof CLUSTERS)[number]): ClusterView
  /** Runs the flotilla program and shows it; `from` stands before each line where several run at once. */
  flotilla(args: readonly string[], options: { readonly signal: AbortSignal; readonly from?: string }): Promise<void>
  /** Runs kubectl straight in a cluster, past the hub, and shows it. */
  kubectl(cluster: ClusterView, args: readonly string[], signal: AbortSignal): Promise<void>
  /** What the hub has done so far. */
  work(signal: AbortSignal): Promise<Work>
  readonly hub: { pid(): number | undefined; kill(signal: AbortSignal): Promise<void>; start(signal: AbortSignal): Promise<void> }
}

export interface Work {
  readonly builds: number
  readonly bundles: number
  readonly bytes: number
}

/** Starts the local world in the folder, showing how far it is. */
export async function openStage(dir: string, { screen, viewer }: Pick<Stage, 'screen' | 'viewer'>, signal: AbortSignal): Promise<Stage> {
  await using scope = new AsyncDisposableStack()
  const tools = {
    ...{ kubernetes: toolPath('kubernetes'), kwok: toolPath('kwok') },
    ...{ natsServer: toolPath('nats-server'), kustomize: toolPath('flotilla-kustomize'), helm: toolPath('flotilla-helm') },
  }
  scope.defer(() => stopWorld(dir, { signal: AbortSignal.timeout(120_000) }))
  const soon = within(300_000, signal)
  const world = await showing('three real Kubernetes clusters, a hub, an agent in each cluster, a git server', async (say) => {
    const started = await startWorld({ dir, clusters: CLUSTERS, onlyClusters: false, tools, signal: soon, log: progressLog(say) })
    await connected(started.hub?.kubeconfig ?? '', soon)
    say('ready')
    return started
  })
  const { hub, git: server } = world
  if (!hub || !server) throw new FleetError('internal', `start the local world in ${dir}: it has no hub`)
  const clusters: ClusterView[] = []
  for (const cluster of world.clusters) clusters.push(scope.use(await openClusterView(cluster)))
  const repository = (name: string, content: string) =>
    createRepository({ name, server, work: join(dir, 'work'), content: join(import.meta.dirname, content), signal })
  const fleet = await repository('fleet', 'fleet')
  const team = await repository('team-a', 'team-a/repository')
  const places = { ...hub, kubectl: kubectlProgram(), clusters: world.clusters, fleetCopy: fleet.copy, dir, logs: join(dir, 'logs') }
  const owned = scope.move()
  return {
    ...{ screen, viewer, clusters, fleet, team, places },
    ...commands(screen, places),
    cluster: (name) => clusters.find((one) => one.name === name) ?? notThere(name),
    hub: hubProcess(dir, hub.cliConfig),
    work: (now) => readWork(hub.cliConfig, now),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function commands(screen: Screen, { cliConfig }: Places): Pick<Stage, 'flotilla' | 'kubectl'> {
  return {
    async flotilla(args, { signal, from }) {
      const shown = commandLine(['npx', 'flotilla', ...args])
      screen.command(shown)
      const line = (text: string) => screen.output(from === undefined ? text : `${from.padEnd(13)} │ ${text}`)
      await runShown([process.execPath, FLOTILLA, ...args], { env: { FLOTILLA_CONFIG: cliConfig }, shown, signal, line })
    },
    async kubectl({ kubeconfig }, args, signal) {
      const shown = commandLine(['kubectl', '--kubeconfig', kubeconfig, ...args])
      screen.command(shown)
      await runShown([...kubectlCommand(), '--kubeconfig', kubeconfig, ...args], { shown, signal, line: screen.output })
    },
  }
}

/** Waits until every agent has joined and is connected. */
async function connected(kubeconfig: string, signal: AbortSignal): Promise<void> {
  const wait = (...args: readonly string[]) =>
    runProgram([...kubectlCommand(), `--kubeconfig=${kubeconfig}`, '--context=fleet', 'wait', '--timeout=60s', ...args], { signal })
  // With several names at once, kubectl does not wait for those that are not there yet.
  await Promise.all(CLUSTERS.map((name) => wait('--for=create', `cluster/${name}`)))
  await wait('--for=condition=Ready', 'clusters', ...CLUSTERS)
}

function hubProcess(dir: string, cliConfig: string): Stage['hub'] {
  const processes = new Processes(dir)
  return {
    pid: () => processes.pid('hub'),
    kill: (signal) => processes.stop('hub', { signal, kill: true }),
    async start(signal) {
      await processes.start(fleetProgram(readWorld(dir), 'hub'), { signal })
      await processes.whenReady('hub', async () => (await ask(cliConfig, '/readyz', signal)).status === 200, { signal })
    },
  }
}

async function readWork(cliConfig: string, signal: AbortSignal): Promise<Work> {
  const { text } = await ask(cliConfig, '/metrics', signal)
  const read = (name: string) => counter(text, `flotilla_${name}_total`)
  return { builds: read('builds'), bundles: read('bundles_sent'), bytes: read('bundle_bytes_sent') }
}

async function ask(cliConfig: string, path: string, signal: AbortSignal) {
  const { server, ca, token }: { server: string; ca: string; token: string } = JSON.parse(readFileSync(cliConfig, 'utf8'))
  await using admin = openAdmin(server, ca, token)
  return await admin.request('GET', path, { signal })
}

/** Says how far the start is. */
function progressLog(say: (detail: string) => void): Log {
  const up: string[] = []
  const agents: string[] = []
  return {
    ...silentLog,
    info({ event, cluster }) {
      if (event === 'local.control-plane.ready') say(`${up.push(cluster ?? '')} of ${CLUSTERS.length} clusters are up`)
      if (event === 'local.agent.started') say(`the hub is up, ${agents.push(cluster ?? '')} of ${CLUSTERS.length} agents`)
    },
  }
}

function notThere(name: string): never {
  throw new FleetError('internal', `find the cluster ${name} of the demo: it was not started`)
}
