import { background, repeat } from '../../proto/base/background.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { messageOf } from '../../proto/base/errors.ts'
import { systemRandom } from '../../proto/base/random.ts'
import { WorkQueue } from '../../proto/base/work-queue.ts'
import { CLUSTER, ROLLOUT } from '../../proto/model/fleet/kinds.ts'
import { FLEET_SCOPE, type WatchQuery } from '../objects/model.ts'
import type { ObjectService } from '../objects/service.ts'
import { openRolloutMetrics } from '../rollout/io/metrics.ts'
import { BEAT_MS } from '../rollout/io/state.ts'
import { createRolloutStore } from '../rollout/io/store.ts'
import { PLACEMENT_KEY, placementOf } from '../rollout/model.ts'
import { createRolloutService, type RolloutObjects } from '../rollout/service.ts'
import type { Building } from './building.ts'
import type { Ground, Opening } from './ground.ts'
import type { Knowledge } from './knowledge.ts'

const clock = systemClock
/** A run is looked at so often at most. */
const GATHER_MS = 200
/** What was not heard of, since a hub was killed at that moment, is seen after so long. */
const SURVEY_MS = 60_000
const AGAIN_MS = 2_000

/** When which revision reaches which cluster: looked at when something that matters was heard of, by whichever replica heard it. */
export function openRolling(given: Ground & Knowledge & Building, { scope, log: parent }: Opening) {
  const { agents, db, jobs, metrics, objects, placements, tenants } = given
  const log = parent.child({ concept: 'rollout' })
  const service = createRolloutService({
    store: createRolloutStore(db),
    objects: rolloutObjects(objects),
    tenantOf: (namespace) => tenants.tenantOf(namespace),
    settle: async (keys) => {
      for (const key of keys) if (placementOf(key) === undefined) await jobs.add('settle', key)
      const placed = keys.flatMap((key) => placementOf(key) ?? [])
      if (placed.length === 0) return
      await placements.again(placed)
      agents.place()
    },
    inherited(keys) {
      for (const key of keys) surveys.add(key)
    },
    looked: openRolloutMetrics(metrics.registry, db),
    random: systemRandom,
    log,
  })
  const queueOf = (what: string, work: (key: string) => Promise<void>) => {
    const queue: WorkQueue = new WorkQueue({
      concurrency: 2,
      clock,
      work,
      failed(key, error) {
        log.warn({ event: `rollout.${what}.failed`, object: key, err: error }, `cannot ${what} a Rollout, trying again`)
        queue.add(key, AGAIN_MS)
      },
    })
    return scope.use(queue)
  }
  const looks = queueOf('look', (key) => service.look(key))
  const times = queueOf('look', (key) => service.lookAgain(key))
  const surveys = queueOf('survey', (key) => service.survey(key))
  const failed = (error: unknown) => log.warn({ event: 'rollout.upkeep.failed', reason: messageOf(error) }, 'cannot look after rollouts')
  const surveyAll = async () => {
    for (const key of await allOf(objects)) surveys.add(key, GATHER_MS)
    for (const key of await service.all()) surveys.add(key, GATHER_MS)
  }
  const heard = gather(scope, async (clusters) => {
    for (const key of await service.ofClusters(clusters)) looks.add(key)
  })
  const moved = gather(scope, async (sources) => {
    for (const key of await service.ofSources(sources)) surveys.add(key)
  })
  placements.follow((uids) => moved(uids.map((uid) => PLACEMENT_KEY + uid)))
  repeat(scope, { everyMs: BEAT_MS, clock, failed }, async () => {
    for (const key of await service.beat()) times.add(key)
  })
  repeat(scope, { everyMs: SURVEY_MS, clock, failed }, surveyAll)
  follow(scope, objects, { kind: ROLLOUT.kind, failed }, (key) => surveys.add(key, GATHER_MS))
  follow(scope, objects, { kind: CLUSTER.kind, failed }, () => void surveyAll().catch(failed))
  return {
    rollouts: {
      act: service.act,
      why: service.why,
      /** These clusters connected, said something, or took something. */
      heard,
      /** These sources resolved another revision, or objects of theirs came or changed. */
      moved,
    },
  }
}

/** What `openRolling` opened. */
export type Rolling = ReturnType<typeof openRolling>

/** Takes what comes one by one and hands it on together, once in a while. */
function gather(scope: AsyncDisposableStack, work: (keys: readonly string[]) => Promise<void>) {
  const waiting = new Set<string>()
  const queue: WorkQueue = new WorkQueue({
    concurrency: 1,
    clock,
    async work() {
      const keys = [...waiting]
      waiting.clear()
      await work(keys)
    },
    failed: (key) => queue.add(key, AGAIN_MS),
  })
  scope.use(queue)
  return (keys: readonly string[]) => {
    for (const key of keys) waiting.add(key)
    if (keys.length > 0) queue.add('all', GATHER_MS)
  }
}

interface Following {
  readonly kind: string
  readonly failed: (error: unknown) => void
}

/** Tells of every object of a fleet kind whose spec or labels changed, those that are there first. */
function follow(scope: AsyncDisposableStack, objects: ObjectService, { failed, kind }: Following, tell: (key: string) => void): void {
  const seen = new Map<string, string>()
  const query: WatchQuery = {
    group: ROLLOUT.group,
    kind,
    scopes: [FLEET_SCOPE],
    labels: [],
    detail: 'slim',
    bookmarks: false,
    initialEvents: false,
  }
  background(
    scope,
    async (signal) => {
      while (!signal.aborted) {
        try {
          for await (const events of objects.watch(query, { signal })) {
            for (const event of events) {
              if (event.type === 'BOOKMARK') continue
              const { generation, labels, name, namespace, uid } = event.object.manifest.metadata
              const key = `${namespace ?? ''}/${name}`
              const now = JSON.stringify([event.type === 'DELETED', uid, generation, labels])
              if (seen.get(key) === now) continue
              seen.set(key, now)
              tell(key)
            }
          }
        } catch (error) {
          if (!signal.aborted) failed(error)
        }
        await clock.sleep(AGAIN_MS, signal).catch(() => undefined)
      }
    },
    failed,
  )
}

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
    get: async (at) => (await objects.get(keyOf(at)))?.manifest,
    changeStatus: async (at, change) => void (await objects.changeStatus(keyOf(at), change)),
  }
}
