import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FleetError } from '../../../proto/base/errors.ts'
import { nowMs } from '../screen.ts'
import type { Stage } from '../stage.ts'
import type { Step } from '../step.ts'
import type { ClusterView } from '../view/cluster-view.ts'

const FILE = join(import.meta.dirname, '../chart.yaml')

/** One chart, released by Helm in three clusters, with values of its own in each. */
export const chart: Step = {
  title: 'A chart',
  says: 'A Placement puts a HelmRelease into every cluster. The hub packs the chart once; each cluster has values of its own.',
  deadlineMs: 120_000,
  async run(stage, signal) {
    const startedAt = nowMs()
    const [releasedAt] = await Promise.all([
      releasedEverywhere(stage, 1, signal),
      stage.flotilla(['apply', '--filename', FILE], { signal }),
    ])
    await textEverywhere(stage, (name) => `Welcome to ${name}`, signal)
    const file = join(stage.places.dir, 'work', 'chart.yaml')
    writeFileSync(file, readFileSync(FILE, 'utf8').replace('Welcome to', 'Everything must go in'))
    stage.screen.command(`sed -i 's/Welcome to/Everything must go in/' chart.yaml     # other values`)
    await Promise.all([releasedEverywhere(stage, 2, signal), stage.flotilla(['apply', '--filename', file], { signal })])
    await textEverywhere(stage, (name) => `Everything must go in ${name}`, signal)
    await stage.flotilla(['get', 'helmreleases', '-A'], { signal })
    return { seen: `banner 1.0.0 in all clusters, installed and upgraded; applied → installed`, ms: releasedAt - startedAt }
  },
}

/** Waits until Helm's release of that version is ready in every cluster; tells each, returns when the last was. */
async function releasedEverywhere(stage: Stage, version: number, signal: AbortSignal): Promise<number> {
  const what = `the release banner.v${version} is ready`
  const times = stage.clusters.map(async (cluster) => {
    const atMs = await cluster.when(what, () => isReleased(cluster, version), signal)
    stage.screen.told(`${cluster.name}: ${what}`, atMs)
    return atMs
  })
  return Math.max(...(await Promise.all(times)))
}

function isReleased(cluster: ClusterView, version: number): boolean {
  const found = cluster.release('flux-system', 'banner')
  return found?.ready?.status === 'True' && found.version === version && cluster.deployment('banner') !== undefined
}

async function textEverywhere(stage: Stage, text: (cluster: string) => string, signal: AbortSignal): Promise<void> {
  for (const cluster of stage.clusters) {
    const found = await cluster.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'banner' }, signal)
    const { text: seen } = (found as { data?: { text?: string } } | undefined)?.data ?? {}
    if (seen !== text(cluster.name))
      throw new FleetError('internal', `the banner in ${cluster.name} should say "${text(cluster.name)}", and says "${seen ?? 'nothing'}"`)
    stage.screen.told(`${cluster.name}: the banner says "${seen}"`)
  }
}
