import { repeat } from '../../proto/base/background.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { messageOf } from '../../proto/base/errors.ts'
import { systemRandom } from '../../proto/base/random.ts'
import { together } from '../../proto/base/together.ts'
import { WorkQueue } from '../../proto/base/work-queue.ts'
import { CLUSTER, ROLLOUT } from '../../proto/model/fleet/kinds.ts'
import { refKey } from '../../proto/model/object-ref.ts'
import { FLEET_SCOPE } from '../objects/model.ts'
import type { ObjectService } from '../objects/service.ts'
import { openRolloutMetrics } from '../rollout/io/metrics.ts'
import { BEAT_MS } from '../rollout/io/state.ts'
import { createRolloutStore } from '../rollout/io/store.ts'
import { PLACEMENT_KEY, placementOf } from '../rollout/model.ts'
import type { News } from '../rollout/news.ts'
import type { RolloutObjects } from '../rollout/ports.ts'
import { createRolloutService, type RolloutService } from '../rollout/service.ts'
import type { Building } from './building.ts'
import { follow } from './follow.ts'
import type { Ground, Opening } from './ground.ts'
import type { Knowledge } from './knowledge.ts'
import { sweep } from './sweep.ts'

const clock = systemClock
/** A run is looked at so often at most. */
const GATHER_MS = 200
/**
 * Runs that have news at once are looked at together: what is asked is asked for all of them in one statement. A lane looks half
 * of its time at most, since a look too many costs as much as one that finds something; while one rests, others look.
 */
const LOOKS = { lanes: 3, most: 34, rest: 1 }
/** Statuses can wait for more to come. */
const SHOWS = { lanes: 1, most: 100, rest: 4 }
/** A status is written so long after a look at the latest: what is looked at again until then is written once. */
const SHOWN_MS = 200
/** What was not heard of, since a hub was killed at that moment, is seen after so long, or when the sweep comes to it. */
const SWEEP_MS = 60_000
const AGAIN_MS = 2_000

/** When which revision reaches which cluster: looked at when something that matters was heard of, by whichever replica heard it. */
export function openRolling(given: Ground & Knowledge & Building, { scope, log: parent }: Opening) {
  const { agents, db, metrics, objects, placements, settling, tenants } = given
  const log = parent.child({ concept: 'rollout' })
  const { looks, statuses, surveys, times } = openQueues({ scope, log }, () => service)
  const service: RolloutService = createRolloutService({
    store: createRolloutStore(db),
    objects: rolloutObjects(objects),
    tenantOf: (namespace) => tenants.tenantOf(namespace),
    settle: async (all) => {
      for (const { clusters, key } of all) if (placementOf(key) === undefined) settling(key, clusters)
      const placed = all.flatMap(({ key }) => placementOf(key) ?? [])
      if (placed.length === 0) return
      await placements.again(placed)
      agents.place()
    },
    inherited(keys) {
      for (const key of keys) surveys.add(key)
    },
    looked: openRolloutMetrics(metrics.registry, db),
    changed: (key) => statuses.add(key, SHOWN_MS),
    random: systemRandom,
    log,
  })
  const failed = (error: unknown) => log.warn({ event: 'rollout.upkeep.failed', reason: messageOf(error) }, 'cannot look after rollouts')
  const all = async () => new Set([...(await allOf(objects)), ...(await service.all())])
  const surveyAll = async () => {
    for (const key of await all()) surveys.add(key, GATHER_MS)
  }
  const survey = async (key: string) => {
    if (await service.choose(key)) looks.add(key)
  }
  const heard = gather(scope, newsKey, async (news: readonly News[]) => {
    for (const key of await service.ofNews(news)) looks.add(key)
  })
  const moved = gather(scope, String, async (sources: readonly string[]) => {
    for (const key of await service.ofSources(sources)) surveys.add(key)
  })
  placements.follow((uids) => moved(uids.map((uid) => PLACEMENT_KEY + uid)))
  repeat(scope, { everyMs: BEAT_MS, clock, failed }, async () => {
    for (const key of await service.beat()) times.add(key)
  })
  repeat(scope, { everyMs: SWEEP_MS, clock, failed }, async (signal) =>
    sweep(await all(), survey, { clock, signal, failed: (_, error) => failed(error) }),
  )
  follow(scope, objects, { kind: ROLLOUT, clock, failed }, (key) => surveys.add(key, GATHER_MS))
  const relabelled = gather(scope, String, async (clusters: readonly string[]) => {
    for (const key of await service.ofClusters(clusters)) surveys.add(key)
  })
  follow(scope, objects, { kind: CLUSTER, clock, failed }, (key, isGone) =>
    isGone ? void surveyAll().catch(failed) : relabelled([nameOf(key)]),
  )
  return {
    rollouts: {
      act: service.act,
      why: service.why,
      leftOut: service.leftOut,
      whyLeftOut: service.whyLeftOut,
      /** Clusters connected, said something, or took something. */
      heard,
      /** Who may be chosen is another than before for reasons that nobody told one by one. */
      reconsider: () => void surveyAll().catch(failed),
      /** These sources resolved another revision, or objects of theirs came or changed. */
      moved,
    },
  }
}

/** What `openRolling` opened. */
export type Rolling = ReturnType<typeof openRolling>

/** What is to be done about Rollouts, by key. */
function openQueues({ log, scope }: Opening, service: () => RolloutService) {
  const queueOf = (what: string, concurrency: number, work: (key: string) => Promise<void>) => {
    const queue: WorkQueue = new WorkQueue({
      concurrency,
      clock,
      work,
      failed(key, error) {
        log.warn({ event: `rollout.${what}.failed`, object: key, err: error }, `cannot ${what} a Rollout, trying again`)
        queue.add(key, AGAIN_MS)
      },
    })
    return scope.use(queue)
  }
  const stop = new AbortController()
  const lanesOf = ({ rest, ...lanes }: typeof LOOKS) => ({ ...lanes, pace: { gatherMs: 0, rest, clock, signal: stop.signal } })
  const look = together(lanesOf(LOOKS), async (keys: readonly string[]) => {
    await service().lookHeard(...keys)
    return keys
  })
  const show = together(lanesOf(SHOWS), async (keys: readonly string[]) => {
    await service().show(...keys)
    return keys
  })
  const looks = queueOf('look', LOOKS.lanes * LOOKS.most, async (key) => void (await look(key)))
  const times = queueOf('settle', 2, async (key) => {
    await service().resettle(key)
    looks.add(key)
  })
  const surveys = queueOf('survey', 2, async (key) => {
    if (await service().choose(key)) looks.add(key)
  })
  const statuses = queueOf('show', SHOWS.lanes * SHOWS.most, async (key) => void (await show(key)))
  scope.defer(() => stop.abort())
  return { looks, times, surveys, statuses }
}

/** Takes what comes one by one and hands it on together, each of it once, once in a while. What fails is tried again. */
function gather<T>(scope: AsyncDisposableStack, keyOf: (one: T) => string, work: (all: readonly T[]) => Promise<void>) {
  const waiting = new Map<string, T>()
  const queue: WorkQueue = new WorkQueue({
    concurrency: 1,
    clock,
    async work() {
      const all = new Map(waiting)
      waiting.clear()
      try {
        await work([...all.values()])
      } catch (error) {
        for (const [key, one] of all) waiting.set(key, one)
        throw error
      }
    },
    failed: (key) => queue.add(key, AGAIN_MS),
  })
  scope.use(queue)
  return (all: readonly T[]) => {
    for (const one of all) waiting.set(keyOf(one), one)
    if (all.length > 0) queue.add('all', GATHER_MS)
  }
}

const newsKey = ({ cluster, object, taken }: News): string =>
  [cluster, object && refKey(object), taken && `${taken.after} ${taken.upTo}`].join(' ')

const nameOf = (key: string): string => key.slice(key.indexOf('/') + 1)

async function allOf(objects: ObjectService): Promise<readonly string[]> {
  const page = await objects.list({ group: ROLLOUT.group, kind: ROLLOUT.kind, scopes: [FLEET_SCOPE], labels: [], detail: 'slim' })
  return page.objects.map(({ manifest: { metadata } }) => `${metadata.namespace ?? ''}/${metadata.name}`)
}

/** The Rollouts of the fleet, over the store of objects. */
export function rolloutObjects(objects: ObjectService): RolloutObjects {
  const keyOf = ({ name, namespace }: { readonly namespace: string; readonly name: string }) => ({
    scope: FLEET_SCOPE,
    group: ROLLOUT.group,
    kind: ROLLOUT.kind,
    namespace,
    name,
  })
  return {
    get: async (all) => (await objects.getAll(all.map(keyOf))).map(({ manifest }) => manifest),
    changeStatuses: (all) => objects.changeStatuses(all.map(({ at, change }) => ({ key: keyOf(at), change }))),
  }
}
