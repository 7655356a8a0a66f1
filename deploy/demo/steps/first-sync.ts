import { commandLine } from '../format.ts'
import { CLUSTERS } from '../model.ts'
import { nowMs } from '../screen.ts'
import type { Step } from '../step.ts'
import { everywhereAt, KUSTOMIZATIONS, workSince, workText } from './arrival.ts'

/** Three clusters begin to follow one repository. */
export const firstSync: Step = {
  title: 'First sync',
  says: 'One repository in plain Flux layout; each cluster follows its own directory. Infrastructure first, apps depend on it.',
  deadlineMs: 120_000,
  async run(stage, signal) {
    stage.screen.command(commandLine(['export', `FLOTILLA_CONFIG=${stage.places.cliConfig}`]))
    await stage.flotilla(['get', 'clusters'], { signal })
    const revision = await stage.fleet.push('the shop', signal)
    const before = await stage.work(signal)
    const startedAt = nowMs()
    const arrived = everywhereAt(stage, revision, signal)
    const bootstraps = CLUSTERS.map((name) => {
      const where = ['--cluster', name, '--url', stage.fleet.url, '--path', `clusters/${name}`]
      return stage.flotilla(['bootstrap', 'git', ...where, '--interval', '5s'], { signal, from: name })
    })
    const [atMs] = await Promise.all([arrived, ...bootstraps])
    const count = KUSTOMIZATIONS.length * CLUSTERS.length
    const work = workText(workSince(before, await stage.work(signal)))
    stage.screen.told(`for ${count} Kustomizations: ${work}`)
    await stage.flotilla(['get', 'kustomizations'], { signal })
    return { seen: `${count} Kustomizations ready; ${work}`, ms: atMs - startedAt }
  },
}
