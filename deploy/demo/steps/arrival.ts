import type { ClusterView } from '../cluster-view.ts'
import { size } from '../format.ts'
import type { Stage, Work } from '../stage.ts'

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

/** Gives an app another version in the repository of the fleet and pushes that; returns the revision. */
export async function releaseVersion(
  stage: Stage,
  app: string,
  o: { readonly tag: string; readonly signal: AbortSignal },
): Promise<string> {
  const file = `apps/base/${app}/deployment.yaml`
  const message = `${app} ${o.tag}`
  stage.fleet.write(file, stage.fleet.read(file).replace(/(image: .*:)[\d.]+$/m, `$1${o.tag}`))
  stage.screen.command(`git commit -m "${message}" ${file} && git push`)
  return await stage.fleet.push(message, o.signal)
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
