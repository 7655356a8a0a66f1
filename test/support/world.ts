import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fleetProgram } from '../../deploy/local/fleet-programs.ts'
import { Processes } from '../../deploy/local/process/processes.ts'
import { type LocalFile, startWorld, stopWorld } from '../../deploy/local/world.ts'
import { CHECKOUT, readWorld } from '../../deploy/local/world-home.ts'
import { toolPath } from '../../deploy/tools/tools.mjs'
import { silentLog } from '../../proto/base/log.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { createRepository, type TestRepository } from './git-repository.ts'
import { kubectl } from './kubectl.ts'
import { openTempDir } from './temp-dir.ts'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A whole fleet as `npm run local` makes it: real clusters, hub, agents and git server, each a process of its own. */
export interface TestWorld extends AsyncDisposable {
  readonly dir: string
  readonly file: LocalFile
  /** kubectl as a cluster's own administrator, past the hub. */
  kubectl(cluster: string, args: readonly string[], input?: string): Promise<string>
  /** kubectl through the hub: context `fleet`, or a cluster's name. */
  viaHub(context: string, args: readonly string[], input?: string): Promise<string>
  /** The object, or undefined where there is none; straight from the cluster. */
  get(cluster: string, kind: string, name: string, namespace?: string): Promise<Manifest | undefined>
  flotilla(args: readonly string[], input?: string): Promise<Ran>
  repository(name: string): Promise<TestRepository>
  url(repository: string): string
  /** Programs by name: `hub`, `git`, `agent-CLUSTER`. */
  start(name: string): Promise<void>
  stop(name: string): Promise<void>
  kill(name: string): Promise<void>
  pid(name: string): number | undefined
  log(name: string): string
}

export async function openWorld(clusters: readonly string[], hubEnv: Readonly<Record<string, string>> = {}): Promise<TestWorld> {
  await using scope = new AsyncDisposableStack()
  const { path: dir } = scope.use(openTempDir('world'))
  const tools = {
    kubernetes: toolPath('kubernetes'),
    kwok: toolPath('kwok'),
    natsServer: toolPath('nats-server'),
    kustomize: toolPath('flotilla-kustomize'),
    helm: toolPath('flotilla-helm'),
  }
  scope.defer(() => stopWorld(dir, { signal: AbortSignal.timeout(120_000) }))
  const file = await startWorld({ dir, clusters, onlyClusters: false, tools, hubEnv, signal: AbortSignal.timeout(300_000), log: silentLog })
  const processes = new Processes(dir)
  const signal = () => AbortSignal.timeout(60_000)
  const configOf = (cluster: string) => file.clusters.find(({ name }) => name === cluster)?.kubeconfig ?? ''
  const direct: TestWorld['kubectl'] = (cluster, args, input) => kubectl(configOf(cluster), args, input === undefined ? {} : { input })
  const owned = scope.move()
  return {
    dir,
    file,
    kubectl: direct,
    viaHub: (context, args, input) =>
      kubectl(file.hub?.kubeconfig ?? '', ['--context', context, ...args], input === undefined ? {} : { input }),
    async get(cluster, kind, name, namespace) {
      const text = await direct(cluster, ['get', kind, name, '-o', 'json', '--ignore-not-found', ...(namespace ? ['-n', namespace] : [])])
      return text.trim() === '' ? undefined : (JSON.parse(text) as Manifest)
    },
    flotilla: (args, input) => runFlotilla(file.hub?.cliConfig ?? '', args, input),
    repository: (name) => createRepository(join(dir, 'git'), name),
    url: (repository) => `${file.git?.url}/${repository}.git`,
    start: (name) => processes.start(fleetProgram(readWorld(dir), name), { signal: signal() }),
    stop: (name) => processes.stop(name, { signal: signal() }),
    kill: (name) => processes.stop(name, { signal: signal(), kill: true }),
    pid: (name) => processes.pid(name),
    log: (name) => (existsSync(processes.logFile(name)) ? readFileSync(processes.logFile(name), 'utf8') : ''),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Runs the flotilla program with a configuration file of its own. */
export function runFlotilla(config: string, args: readonly string[], input = ''): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, FLOTILLA_CONFIG: config }, maxBuffer: 64 << 20 }
    const child = execFile(process.execPath, [join(CHECKOUT, 'bin/flotilla.mjs'), ...args], options, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
    )
    child.stdin?.end(input)
  })
}
