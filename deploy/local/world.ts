import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FleetError } from '../../proto/base/errors.ts'
import { lockFolder } from '../../proto/base/folder-lock.ts'
import type { Log } from '../../proto/base/log.ts'
import { type ControlPlane, openControlPlane, stopControlPlane } from './control-plane.ts'
import { startFleet } from './fleet.ts'
import { agentName, type HubFiles } from './fleet-programs.ts'
import { Processes } from './process/processes.ts'
import { clusterNames, localFile, type World, worldFile } from './world-home.ts'

export interface WorldOptions {
  /** Absolute path; everything is in it. */
  readonly dir: string
  readonly clusters: readonly string[]
  /** True starts the control planes alone: no hub, no agents, no git server. */
  readonly onlyClusters: boolean
  readonly tools: {
    readonly kubernetes: string
    readonly kwok: string
    readonly natsServer: string
    readonly kustomize: string
    readonly helm: string
  }
  /** Settings of the hub beside those that the world makes, by environment variable. */
  readonly hubEnv?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  readonly log: Log
}

/** What `local.json` says. All paths are absolute. */
export interface LocalFile {
  readonly hub?: HubFiles
  readonly clusters: readonly { readonly name: string; readonly kubeconfig: string }[]
  readonly git?: { readonly url: string; readonly dir: string }
}

/**
 * Starts a local world, or takes the place of what an earlier start has left behind, with its data. When this returns,
 * everything is ready and `local.json` says where it is. What was started outlives this process: `stopWorld` ends it.
 */
export async function startWorld(options: WorldOptions): Promise<LocalFile> {
  const { dir, clusters, signal } = options
  mkdirSync(dir, { recursive: true })
  await using _lock = await lockFolder(dir, { signal })
  await stopAll(dir, signal)
  try {
    return await startAll(options)
  } catch (error) {
    await stopAll(dir, AbortSignal.timeout(60_000))
    throw FleetError.from(error, `start the local world of ${clusters.join(', ')} in ${dir}`)
  }
}

/** Ends a local world, whoever started it, and everything that it started. Its data stays. */
export async function stopWorld(dir: string, { signal }: { readonly signal: AbortSignal }): Promise<void> {
  await using _lock = await lockFolder(dir, { signal })
  await stopAll(dir, signal)
}

async function startAll(options: WorldOptions): Promise<LocalFile> {
  const { dir, clusters, tools, signal, log } = options
  const planes: ControlPlane[] = []
  const opening = clusters.map((name) => openControlPlane({ name, dir: join(dir, 'clusters', name), tools, signal, log }))
  for (const opened of await Promise.allSettled(opening)) {
    if (opened.status === 'rejected') throw opened.reason
    planes.push(opened.value)
  }
  const world: World = { dir, tools, clusters, ...(options.hubEnv ? { hubEnv: options.hubEnv } : {}) }
  writeFileSync(worldFile(dir), `${JSON.stringify(world)}\n`)
  const fleet = options.onlyClusters ? {} : await startFleet({ world, planes, signal, log })
  const file: LocalFile = { ...fleet, clusters: planes.map(({ name, kubeconfig }) => ({ name, kubeconfig })) }
  await Promise.all(planes.map((plane) => plane.release()))
  writeFileSync(localFile(dir), `${JSON.stringify(file, undefined, 2)}\n`)
  return file
}

/** Agents first, so that they can say goodbye; then hub and git; then the clusters; last what has lost its parent. */
async function stopAll(dir: string, signal: AbortSignal): Promise<void> {
  rmSync(localFile(dir), { force: true })
  const names = clusterNames(dir)
  const processes = new Processes(dir)
  await Promise.all(names.map((name) => processes.stop(agentName(name), { signal })))
  await processes.stop('hub', { signal, graceMs: 20_000 })
  await processes.stop('git', { signal })
  await processes.stopStragglers({ signal })
  await Promise.all(names.map((name) => stopControlPlane(join(dir, 'clusters', name), { signal })))
}
