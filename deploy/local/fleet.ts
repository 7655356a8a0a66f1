import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FleetError } from '../../proto/base/errors.ts'
import type { Log } from '../../proto/base/log.ts'
import { within } from '../../proto/base/signals.ts'
import { AGENT_IDENTITY } from '../../proto/model/identities.ts'
import { agentManifests } from '../manifests/agent.ts'
import { DEFAULT_TENANT_CLUSTER_ROLES } from '../manifests/options.ts'
import { manifestsYaml } from '../manifests/yaml.ts'
import { openAdmin } from './cluster/admin.ts'
import { writeServiceAccountKubeconfig } from './cluster/service-account.ts'
import type { ControlPlane } from './control-plane.ts'
import { agentFiles, agentName, fleetProgram, gitFiles, hubFiles, openPorts } from './fleet-programs.ts'
import { writeKubeconfig } from './kubeconfig.ts'
import { Processes } from './process/processes.ts'
import { runProgram } from './process/run-program.ts'
import { CHECKOUT, type World } from './world-home.ts'

export interface FleetOptions {
  readonly world: World
  readonly planes: readonly ControlPlane[]
  readonly signal: AbortSignal
  readonly log: Log
}

/** What the hub writes for its administrator when it is ready. */
interface AdminFile {
  readonly server: string
  readonly ca: string
  readonly token: string
}

const CRDS = join(CHECKOUT, 'deploy/manifests/crds')

/** Starts git server, hub and one agent per control plane, each as a process of its own, and waits until hub and agents are ready. */
export async function startFleet({ world, planes, signal, log }: FleetOptions) {
  const { dir } = world
  const processes = new Processes(dir)
  for (const name of ['hub', 'git']) mkdirSync(join(dir, name), { recursive: true })
  await openPorts(dir)
  await processes.start(fleetProgram(world, 'git'), { signal })
  const hub = await startHub(world, processes, signal)
  for (const plane of planes) {
    await installAgent({ world, plane, hub, signal })
    await processes.start(fleetProgram(world, agentName(plane.name)), { signal })
    log.info({ event: 'local.agent.started', cluster: plane.name }, 'agent has started')
  }
  for (const plane of planes) await untilConnected({ world, hub, processes, signal }, plane.name)
  return { hub: hubFiles(dir), git: gitFiles(dir) }
}

interface Joining {
  readonly world: World
  readonly hub: AdminFile
  readonly processes: Processes
  readonly signal: AbortSignal
}

/** Waits until the hub shows the cluster as connected: only then does a person find it there. */
async function untilConnected({ world, hub, processes, signal }: Joining, cluster: string): Promise<void> {
  await using client = openAdmin(hubFiles(world.dir).http, hub.ca, hub.token)
  const soon = within(60_000, signal)
  const path = `/apis/fleet.flotilla.dev/v1alpha1/clusters/${cluster}`
  const isConnected = async () => {
    const { status, text } = await client.request('GET', path, { signal: soon })
    return (
      status === 200 && (JSON.parse(text) as { status?: { connection?: { connected?: boolean } } }).status?.connection?.connected === true
    )
  }
  await processes.whenReady(agentName(cluster), isConnected, { signal: soon })
}

/** Starts the hub, waits until it is ready, and writes the kubeconfig that reaches fleet and clusters through it. */
async function startHub(world: World, processes: Processes, signal: AbortSignal): Promise<AdminFile> {
  const files = hubFiles(world.dir)
  await processes.start(fleetProgram(world, 'hub'), { signal })
  const soon = within(120_000, signal)
  await processes.whenReady('hub', () => existsSync(files.cliConfig), { signal: soon })
  const admin: AdminFile = JSON.parse(readFileSync(files.cliConfig, 'utf8'))
  await using client = openAdmin(files.http, admin.ca, admin.token)
  const isReady = async () => (await client.request('GET', '/readyz', { signal: soon })).status === 200
  await processes.whenReady('hub', isReady, { signal: soon })
  const access = { server: files.http, ca: admin.ca, token: admin.token }
  const clusters = world.clusters.map((name) => ({ ...access, name, server: `${files.http}/clusters/${name}` }))
  writeKubeconfig(files.kubeconfig, [{ ...access, name: 'fleet' }, ...clusters])
  return admin
}

interface AgentInstall {
  readonly world: World
  readonly plane: ControlPlane
  readonly hub: AdminFile
  readonly signal: AbortSignal
}

/** Does for a local cluster what `flotilla cluster join` does for a real one: manifests, credentials of the agent, a join token. */
async function installAgent({ world, plane, hub, signal }: AgentInstall): Promise<void> {
  const files = agentFiles(world.dir, plane.name)
  const kubectl = (args: readonly string[], input?: string) =>
    runProgram([world.tools.kubernetes, 'kubectl', `--kubeconfig=${plane.kubeconfig}`, ...args], { signal, ...(input ? { input } : {}) })
  const manifests = agentManifests({
    clusterName: plane.name,
    hub: { address: hubFiles(world.dir).grpc, ca: hub.ca },
    lockdown: false,
    namespaces: [],
    tenantClusterRoles: DEFAULT_TENANT_CLUSTER_ROLES,
  })
  await kubectl(['apply', '--server-side', '--force-conflicts', '-f', CRDS])
  await kubectl(['wait', '--for=condition=Established', '--timeout=30s', '-f', CRDS])
  await kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], manifestsYaml(manifests))
  await writeServiceAccountKubeconfig(plane, { ...AGENT_IDENTITY, file: files.kubeconfig, signal })
  writeFileSync(files.hubCa, hub.ca)
  if (!existsSync(files.data)) writeFileSync(files.joinToken, await createJoinToken(world.dir, signal), { mode: 0o600 })
}

/** A token for one cluster, got with the flotilla program as an administrator would. */
async function createJoinToken(dir: string, signal: AbortSignal): Promise<string> {
  const command: [string, ...string[]] = [process.execPath, join(CHECKOUT, 'bin/flotilla.mjs'), 'join-token', 'create', '-o', 'json']
  const answer = await runProgram(command, { signal, env: { FLOTILLA_CONFIG: hubFiles(dir).cliConfig } })
  const { token } = JSON.parse(answer)
  if (typeof token !== 'string') throw new FleetError('internal', 'create a join token: the hub answered without one')
  return token
}
