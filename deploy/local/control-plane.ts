import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FleetError } from '../../proto/base/errors.ts'
import type { Log } from '../../proto/base/log.ts'
import { within } from '../../proto/base/signals.ts'
import { type Admin, type Answer, openAdmin } from './cluster/admin.ts'
import { type ControlPlaneHome, openHome, readCertificate, readHome } from './cluster/home.ts'
import { type Face, PROGRAMS, programs } from './cluster/programs.ts'
import { writeKubeconfig } from './kubeconfig.ts'
import { Processes } from './process/processes.ts'

/** A real Kubernetes control plane on this machine, with one node whose pods are only pretended. */
export interface ControlPlane extends AsyncDisposable {
  readonly name: string
  readonly dir: string
  /** Address of the API server: `https://127.0.0.1:PORT`. */
  readonly server: string
  /** Kubeconfig of an administrator (group `system:masters`, static token), absolute path. */
  readonly kubeconfig: string
  /** Certificates that vouch for the API server, absolute path. */
  readonly caFile: string
  /** Sends one request as the administrator; an answer of 400 and above is returned, not thrown. */
  request(method: string, path: string, options: { readonly signal: AbortSignal; readonly body?: unknown }): Promise<Answer>
  /** Stops one program and starts it again; waits until the API server answers. With `kill` it is not asked first. */
  restart(program: Face, options: { readonly signal: AbortSignal; readonly kill?: boolean }): Promise<void>
  /** Lets go of it without ending it; `stopControlPlane` or the next start on the folder does. */
  release(): Promise<void>
  stop(program: Face, options: { readonly signal: AbortSignal; readonly kill?: boolean }): Promise<void>
}

export interface ControlPlaneOptions {
  readonly name: string
  /** Folder for everything it keeps. The same folder again continues with its data, keys and, where they are free, ports. */
  readonly dir: string
  /** Paths of the programs. */
  readonly tools: { readonly kubernetes: string; readonly kwok: string }
  readonly signal: AbortSignal
  readonly log: Log
}

/** Starts a control plane and waits until Deployments in it would come up: API, namespace `default`, controllers, node. */
export async function openControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { name, signal, log } = options
  const processes = new Processes(options.dir)
  await stopControlPlane(options.dir, { signal })
  const home = await openHome(options.dir)
  try {
    const admin = await start(home, processes, options)
    log.info({ event: 'local.control-plane.ready', cluster: name, url: home.server }, 'control plane is ready')
    return asControlPlane(home, processes, options, admin)
  } catch (error) {
    await stopControlPlane(options.dir, { signal: AbortSignal.timeout(30_000) })
    throw FleetError.from(error, `start control plane ${name} in ${options.dir}`)
  }
}

/** True when a control plane runs in that folder and has been ready. */
export function isControlPlaneReady(dir: string): boolean {
  return existsSync(readyFile(dir)) && new Processes(dir).pid('kube-apiserver') !== undefined
}

/** The control plane that runs in a folder already. Disposing of it lets go of it and leaves it running. */
export function attachControlPlane(options: Omit<ControlPlaneOptions, 'signal'>): ControlPlane {
  const home = readHome(options.dir)
  const admin = openAdmin(home.server, readFileSync(home.caFile, 'utf8'), home.adminToken)
  const plane = asControlPlane(home, new Processes(options.dir), options, admin)
  return { ...plane, [Symbol.asyncDispose]: plane.release }
}

/** Ends the control plane of a folder, whoever started it: controllers first, the store last. */
export async function stopControlPlane(dir: string, options: { readonly signal: AbortSignal; readonly kill?: boolean }): Promise<void> {
  const processes = new Processes(dir)
  rmSync(readyFile(dir), { force: true })
  await Promise.all(PROGRAMS.filter((face) => face !== 'etcd').map((face) => processes.stop(face, { ...options, graceMs: 5_000 })))
  await processes.stop('etcd', options)
}

async function start(home: ControlPlaneHome, processes: Processes, { name, tools, signal }: ControlPlaneOptions) {
  const all = programs(home, tools)
  const soon = within(60_000, signal)
  await processes.start(all.etcd, { signal })
  await processes.whenReady('etcd', async () => (await fetch(`${home.etcdUrl}/health`, { signal: soon })).ok, { signal: soon })
  await processes.start(all['kube-apiserver'], { signal })
  const ca = await processes.whenReady('kube-apiserver', () => readCertificate(home), { signal: soon })
  writeKubeconfig(home.kubeconfig, [{ name, server: home.server, ca, token: home.adminToken }])
  const admin = openAdmin(home.server, ca, home.adminToken)
  try {
    const says = async (path: string, enough: (answer: Answer) => boolean) => enough(await admin.request('GET', path, { signal: soon }))
    await processes.whenReady('kube-apiserver', () => says('/readyz', isOk), { signal: soon })
    await Promise.all(
      (['kube-controller-manager', 'kube-scheduler', 'kwok'] as const).map((face) => processes.start(all[face], { signal })),
    )
    const made = await admin.request('POST', '/api/v1/nodes', { signal: soon, body: FAKE_NODE })
    if (made.status >= 400 && made.status !== 409) throw new FleetError('internal', `create the node: ${made.text}`)
    const controllers = 'kube-controller-manager'
    await processes.whenReady(controllers, () => says('/api/v1/namespaces/default/serviceaccounts/default', isOk), { signal: soon })
    await processes.whenReady(controllers, () => says('/apis/rbac.authorization.k8s.io/v1/clusterroles/edit', hasRules), { signal: soon })
    await processes.whenReady('kwok', () => says(`/api/v1/nodes/${FAKE_NODE.metadata.name}`, isReadyNode), { signal: soon })
    writeFileSync(readyFile(home.dir), '')
    return admin
  } catch (error) {
    await admin[Symbol.asyncDispose]()
    throw error
  }
}

function asControlPlane(
  home: ControlPlaneHome,
  processes: Processes,
  options: Omit<ControlPlaneOptions, 'signal'>,
  admin: Admin,
): ControlPlane {
  return {
    name: options.name,
    dir: options.dir,
    server: home.server,
    kubeconfig: home.kubeconfig,
    caFile: home.caFile,
    request: admin.request,
    release: async () => admin[Symbol.asyncDispose](),
    stop: (program, how) => processes.stop(program, how),
    async restart(program, how) {
      await processes.stop(program, how)
      await processes.start(programs(home, options.tools)[program], how)
      const soon = within(60_000, how.signal)
      await processes.whenReady(program, async () => isOk(await admin.request('GET', '/readyz', { signal: soon })), { signal: soon })
    },
    async [Symbol.asyncDispose]() {
      await admin[Symbol.asyncDispose]()
      await stopControlPlane(options.dir, { signal: AbortSignal.timeout(60_000) })
      options.log.info({ event: 'local.control-plane.stopped', cluster: options.name }, 'control plane has stopped')
    },
  }
}

/** The node on which all pods run. */
const FAKE_NODE = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: 'node-1',
    annotations: { 'kwok.x-k8s.io/node': 'fake', 'node.alpha.kubernetes.io/ttl': '0' },
    labels: { 'kubernetes.io/hostname': 'node-1', 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
  },
} as const

const readyFile = (dir: string) => join(dir, 'ready')
const isOk = ({ status }: Answer) => status === 200
const hasRules = ({ status, text }: Answer) => status === 200 && text.includes('"rules":[{')
const isReadyNode = ({ text }: Answer) => /"type":"Ready","status":"True"/.test(text)
