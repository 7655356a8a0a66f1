import { FleetError } from '../../../proto/base/errors.ts'
import { duration } from '../format.ts'
import { nowMs } from '../screen.ts'
import type { Stage } from '../stage.ts'
import type { Step } from '../step.ts'
import { everywhereAt, imageEverywhere, releaseVersion } from './arrival.ts'

const TAG = '1.6.0'

/** The hub is killed and comes back. */
export const hubAway: Step = {
  title: 'Hub away',
  says: 'The hub is killed with -9. Agents go on from what is on their disks; when it is back, so are commits.',
  deadlineMs: 120_000,
  async run(stage, signal) {
    stage.screen.command(`kill -9 ${stage.hub.pid()}     # the hub`)
    await stage.hub.kill(signal)
    const healedMs = await deleteAndSee(stage, signal)
    if (stage.hub.pid() !== undefined) throw new FleetError('internal', 'the hub should not run: somebody has started it meanwhile')
    stage.screen.command('npx flotilla hub     # with the data that it had')
    const startedAt = nowMs()
    await stage.hub.start(signal)
    stage.screen.told('the hub is back')
    const revision = await releaseVersion(stage, 'web', { tag: TAG, signal })
    const [hasItAt] = await Promise.all([imageEverywhere(stage, 'web', { tag: TAG, signal }), everywhereAt(stage, revision, signal)])
    await stage.flotilla(['get', 'clusters'], { signal })
    return { seen: `without hub, drift undone in ${duration(healedMs)}; hub started → web ${TAG} in all clusters`, ms: hasItAt - startedAt }
  },
}

/** Deletes a Deployment by hand; returns how long it was gone. */
async function deleteAndSee(stage: Stage, signal: AbortSignal): Promise<number> {
  const cluster = stage.cluster('production-us')
  const old = cluster.deployment('web')?.uid
  const gone = cluster.when('web is gone', () => cluster.deployment('web')?.uid !== old, signal)
  const back = gone.then(() => cluster.when('web is there again', () => cluster.deployment('web') !== undefined, signal))
  const remove = stage.kubectl(cluster, ['delete', 'deployment', 'web', '--namespace', 'shop', '--wait=false'], signal)
  const [goneAt, backAt] = await Promise.all([gone, back, remove])
  stage.screen.told(`${cluster.name}: web is gone`, goneAt)
  stage.screen.told(`${cluster.name}: web is there again, without any hub`, backAt)
  return backAt - goneAt
}
