import { timed } from '../../proto/base/background.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { messageOf } from '../../proto/base/errors.ts'
import { WorkQueue } from '../../proto/base/work-queue.ts'
import { KustomizePool } from '../../proto/kustomize/pool.ts'
import type { HubConfig } from '../config.ts'
import { openJobs } from '../db/jobs.ts'
import { createDesiredStore } from '../desired/io/store.ts'
import { createDesiredService } from '../desired/service.ts'
import { mirrorFold } from '../objects/io/mirror.ts'
import { createLayers } from '../render/io/layers.ts'
import { packChart } from '../render/io/pack-chart.ts'
import { createRenderStore } from '../render/io/store.ts'
import { createTrees } from '../render/io/tree.ts'
import { createRender } from '../render/service.ts'
import { readLayer } from '../sources/io/archive/layer.ts'
import type { Ground, Opening } from './ground.ts'
import type { Knowledge } from './knowledge.ts'
import { askToPlace, openPlacing } from './placing.ts'

const clock = systemClock
const BUILD_DEADLINE_MS = 60_000
/** Most of them are sources that are settled together. */
const JOBS = 12

/** Sources of Rollouts are settled at once, many together; who looks after them asks again for what a hub that was killed left. */
const SETTLES = 64
const AGAIN_MS = 5_000

/** From a tree to what clusters should hold. */
export async function openBuilding(config: HubConfig, given: Ground & Knowledge, { scope, log }: Opening) {
  const { db, metrics } = given
  const pool = scope.use(new KustomizePool({ program: config.programs.kustomize, processes: config.buildConcurrency }))
  const render = createRender({
    store: createRenderStore(db),
    trees: createTrees({ db }),
    layers: createLayers({ read: readLayer }),
    build: (tree, options, signal) => metrics.building(() => pool.build(tree, options, { signal, deadlineMs: BUILD_DEADLINE_MS })),
    packChart,
    clock,
    log: log.child({ concept: 'render' }),
    concurrency: config.buildConcurrency * 2,
  })
  const desired = createDesiredService({
    store: createDesiredStore(db, mirrorFold.notify),
    render: (...input) => timed(clock, metrics.rendered, () => render(...input)),
    hint: given.hint,
    clock,
    log: log.child({ concept: 'desired' }),
  })
  const settle = (key: string, signal: AbortSignal) => timed(clock, metrics.settled, () => desired.settle(key, signal))
  const placing = openPlacing(given, { scope, log })
  const place = (_key: string, signal: AbortSignal) => placing.placements.settle(signal)
  const jobs = await openJobs({
    url: given.url,
    replica: given.replica,
    tasks: { settle, place },
    concurrency: JOBS,
    clock,
    log: log.child({ concept: 'jobs' }),
  })
  given.agents.waitingJobs = () => jobs.waiting()
  scope.use(jobs)
  given.agents.place = askToPlace(jobs, { scope, log })
  const settling: WorkQueue = new WorkQueue({
    concurrency: SETTLES,
    clock,
    work: settle,
    failed(key, error) {
      log.warn({ event: 'desired.settle.failed', object: key, reason: messageOf(error) }, 'cannot settle a source, trying again as a job')
      jobs.add('settle', key).catch(() => settling.add(key, AGAIN_MS))
    },
  })
  scope.use(settling)
  return { ...placing, desired, jobs, settling }
}

/** What `openBuilding` opened. */
export type Building = Awaited<ReturnType<typeof openBuilding>>
