import { FleetError } from '../../../proto/base/errors.ts'
import { CLUSTERS } from '../model.ts'
import { nowMs } from '../screen.ts'
import type { Step } from '../step.ts'
import { everywhereAt, imageEverywhere, KUSTOMIZATIONS, releaseVersion, workSince, workText } from './arrival.ts'

/** Distinct builds of the app that is changed: staging's, and the one that both production clusters share. */
const BUILDS = 2
const TAG = '1.5.0'

/** One commit changes one app. */
export const oneCommit: Step = {
  title: 'One commit',
  says: 'A commit changes one app for all clusters. Only what read the changed file is built again, and only that is sent.',
  deadlineMs: 60_000,
  async run(stage, signal) {
    const before = await stage.work(signal)
    const revision = await releaseVersion(stage, 'web', { tag: TAG, signal })
    const pushedAt = nowMs()
    const [hasItAt] = await Promise.all([
      imageEverywhere(stage, 'web', { tag: TAG, signal }),
      everywhereAt(stage, revision, signal),
      stage.flotilla(['reconcile', 'source', 'git', 'flux-system', '--all-clusters', '--no-wait'], { signal }),
    ])
    const work = workSince(before, await stage.work(signal))
    stage.screen.told(`of ${KUSTOMIZATIONS.length * CLUSTERS.length} Kustomizations: ${workText(work)}`)
    if (work.builds !== BUILDS || work.bundles !== CLUSTERS.length)
      throw new FleetError('internal', `a commit to one app should cost ${BUILDS} builds and ${CLUSTERS.length} bundles: ${workText(work)}`)
    return { seen: `web ${TAG} in all clusters; ${workText(work)}`, ms: hasItAt - pushedAt }
  },
}
