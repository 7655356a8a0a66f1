import { size } from '../format.ts'
import type { Stage, Work } from '../stage.ts'
import type { ClusterView } from '../view/cluster-view.ts'

/** The Kustomizations that each cluster has from the repository of the fleet. */
export const KUSTOMIZATIONS = ['flux-system', 'infrastructure', 'web', 'prices'] as const

/** Waits until every Kustomization of the fleet's repository is ready at a revision in every cluster; tells each, returns when the last was. */
export async function everywhereAt(stage: Stage, revision: string, signal: AbortSignal): Promise<number> {
  const short = revision.slice(0, 'main@sha1:'.length + 8)
  const what = `all ${KUSTOMIZATIONS.length} Kustomizations are ready at ${short}`
  const times = stage.clusters.map(async (cluster) => {
    const atMs = await cluster.when(what, () => KUSTOMIZATIONS.every((name) => isAt(cluster, name, revision)), signal)
    stage.screen.told(`${cluster.name}: ${what}`, atMs)
    return atMs
  })
  return Math.max(...(await Promise.all(times)))
}

/** Waits until the Deployment has the image in every cluster; tells each, returns when the last had it. */
export async function imageEverywhere(
  stage: Stage,
  app: string,
  image: { readonly tag: string; readonly signal: AbortSignal },
): Promise<number> {
  const times = stage.clusters.map(async (cluster) => {
    const is = () => cluster.deployment(app)?.image.endsWith(`:${image.tag}`) === true
    const atMs = await cluster.when(`${app} has version ${image.tag}`, is, image.signal)
    stage.screen.told(`${cluster.name}: ${app} has version ${image.tag}`, atMs)
    return atMs
  })
  return Math.max(...(await Promise.all(times)))
}

export interface Version {
  readonly tag: string
  readonly signal: AbortSignal
  /** What the version changes in the Deployment beside its image, and what is said of that. */
  readonly change?: (yaml: string) => string
  readonly remark?: string
}

/** Gives an app another version in the repository of the fleet and pushes that; returns the revision. */
export async function releaseVersion(stage: Stage, app: string, { change, remark, signal, tag }: Version): Promise<string> {
  const file = `apps/base/${app}/deployment.yaml`
  const message = `${app} ${tag}`
  const yaml = stage.fleet.read(file).replace(/(image: .*:)[\d.]+$/m, `$1${tag}`)
  stage.fleet.write(file, change ? change(yaml) : yaml)
  stage.screen.command(`git commit -m "${message}" ${file} && git push${remark ? `     # ${remark}` : ''}`)
  return await stage.fleet.push(message, signal)
}

/** What the hub did between two looks. */
export function workSince(before: Work, after: Work): Work {
  return { builds: after.builds - before.builds, bundles: after.bundles - before.bundles, bytes: after.bytes - before.bytes }
}

export const workText = ({ builds, bundles, bytes }: Work): string => `${builds} built, ${bundles} bundles (${size(bytes)}) sent`

function isAt(cluster: ClusterView, name: string, revision: string): boolean {
  const found = cluster.kustomization('flux-system', name)
  return found?.ready?.status === 'True' && found.applied === revision
}
