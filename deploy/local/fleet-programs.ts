import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FleetError } from '../../proto/base/errors.ts'
import { freePorts, isFree } from './process/ports.ts'
import type { Program } from './process/processes.ts'
import { CHECKOUT, type World } from './world-home.ts'

/** Where the hub of a local world is, and the files to reach it with. */
export interface HubFiles {
  /** `host:port` for agents. */
  readonly grpc: string
  /** `https://host:port` for people and tools. */
  readonly http: string
  /** For the flotilla program: name it in FLOTILLA_CONFIG. */
  readonly cliConfig: string
  readonly kubeconfig: string
}

export interface FleetPorts {
  readonly grpc: number
  readonly http: number
  readonly nats: number
  readonly git: number
}

export const agentName = (cluster: string): string => `agent-${cluster}`

/** The ports of hub and git server: those of the last start, but for what somebody else has taken since. */
export async function openPorts(dir: string): Promise<FleetPorts> {
  const saved: Partial<FleetPorts> = existsSync(portsFile(dir)) ? readPorts(dir) : {}
  const [grpc = 0, http = 0, nats = 0, git = 0] = await freePorts(4)
  const fresh = { grpc, http, nats, git }
  const kept = Object.entries(saved).map(async ([name, port]) => ((await isFree(port)) ? { [name]: port } : {}))
  const ports: FleetPorts = Object.assign(fresh, ...(await Promise.all(kept)))
  writeFileSync(portsFile(dir), `${JSON.stringify(ports)}\n`)
  return ports
}

/** A program of the world by the name of its pid file: `hub`, `git`, `agent-CLUSTER`. */
export function fleetProgram(world: World, name: string): Program {
  if (name === 'hub') return hub(world)
  if (name === 'git') return git(world)
  const cluster = world.clusters.find((each) => agentName(each) === name)
  if (cluster !== undefined) return agent(world, cluster)
  const known = ['hub', 'git', ...world.clusters.map(agentName)]
  throw new FleetError('not-found', `find the program ${name} of the local world: known are ${known.join(', ')}`)
}

export function hubFiles(dir: string): HubFiles {
  const { grpc, http } = readPorts(dir)
  return {
    grpc: `127.0.0.1:${grpc}`,
    http: `https://127.0.0.1:${http}`,
    cliConfig: join(dir, 'hub', 'admin.json'),
    kubeconfig: join(dir, 'hub.kubeconfig'),
  }
}

export const gitFiles = (dir: string) => ({ url: `http://127.0.0.1:${readPorts(dir).git}`, dir: join(dir, 'git') })

/** Files of one agent. */
export function agentFiles(dir: string, cluster: string) {
  const home = join(dir, 'agents', cluster)
  mkdirSync(home, { recursive: true, mode: 0o700 })
  return {
    data: join(home, 'data'),
    kubeconfig: join(home, 'kubeconfig'),
    joinToken: join(home, 'join-token'),
    hubCa: join(home, 'hub-ca.pem'),
  }
}

function hub({ dir, tools, hubEnv }: World): Program {
  const { grpc, http, nats } = readPorts(dir)
  return {
    name: 'hub',
    command: [process.execPath, join(CHECKOUT, 'hub/main.ts')],
    cwd: CHECKOUT,
    env: {
      FLOTILLA_DATA_DIR: join(dir, 'hub'),
      FLOTILLA_GRPC_LISTEN: `127.0.0.1:${grpc}`,
      FLOTILLA_HTTP_LISTEN: `127.0.0.1:${http}`,
      FLOTILLA_NATS_LISTEN: `127.0.0.1:${nats}`,
      FLOTILLA_ADVERTISE: '127.0.0.1',
      FLOTILLA_FETCH_ALLOW: '127.0.0.1',
      FLOTILLA_NATS_SERVER: tools.natsServer,
      FLOTILLA_KUSTOMIZE: tools.kustomize,
      ...hubEnv,
    },
  }
}

function agent({ dir, tools }: World, cluster: string): Program {
  const files = agentFiles(dir, cluster)
  return {
    name: agentName(cluster),
    command: [process.execPath, join(CHECKOUT, 'agent/main.ts')],
    cwd: CHECKOUT,
    env: {
      FLOTILLA_AGENT_DATA_DIR: files.data,
      FLOTILLA_HUB: hubFiles(dir).grpc,
      FLOTILLA_HUB_CA: files.hubCa,
      FLOTILLA_CLUSTER_NAME: cluster,
      FLOTILLA_JOIN_TOKEN_FILE: files.joinToken,
      FLOTILLA_HELM: tools.helm,
      KUBECONFIG: files.kubeconfig,
    },
  }
}

function git({ dir }: World): Program {
  return {
    name: 'git',
    command: [process.execPath, join(import.meta.dirname, 'git-main.ts'), join(dir, 'git'), String(readPorts(dir).git)],
  }
}

const portsFile = (dir: string) => join(dir, 'ports.json')
const readPorts = (dir: string): FleetPorts => JSON.parse(readFileSync(portsFile(dir), 'utf8'))
