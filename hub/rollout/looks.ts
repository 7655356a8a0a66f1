import type { Log } from '../../proto/base/log.ts'
import type { Random } from '../../proto/base/random.ts'
import type { RolloutSpec } from '../../proto/model/fleet/rollout.ts'
import type { RolloutStatus } from '../../proto/model/fleet/rollout-status.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { isEnded } from './advance.ts'
import type { Hearsay } from './heard.ts'
import type { Settle, SourceObject } from './model.ts'
import type { RolloutName, RolloutObjects, RolloutStore } from './ports.ts'
import { type Look, lookAt } from './turn/look.ts'
import { rolloutStatus, type Told } from './turn/status.ts'

export interface LookDeps {
  readonly store: RolloutStore
  readonly objects: RolloutObjects
  /** Asks for sources, and Placements (`placementOf`), to be settled. */
  readonly settle: (all: readonly Settle[]) => Promise<void>
  /** Told what each look came to. */
  readonly looked: (look: Look) => void
  /** Told which Rollouts, by key, have something to `show`; it is shown at once where nobody is told. */
  readonly changed?: (key: string) => void
  readonly random: Random
  readonly log: Log
}

/** A Rollout that is there to stay. */
export interface Known {
  readonly at: RolloutName
  readonly object: Manifest
  readonly spec: RolloutSpec
  readonly source: SourceObject
}

const NONE_SUSPENDED = { first: [], total: 0 }

/** `namespace/name`, by which a Rollout goes. */
export const keyOf = ({ name, namespace }: Omit<RolloutName, 'uid'>): string => `${namespace}/${name}`

/** Looks at Rollouts, and what is not in their status yet: the last look alone counts. */
export function openLooks({ changed, log, looked, objects, random, settle, store }: LookDeps, hearsay: Hearsay) {
  const unshown = new Map<string, { readonly known: Known; readonly look: Look }>()
  const newId = () => `r-${random.hex(8)}`

  async function decide(all: readonly Known[]): Promise<readonly (Look | undefined)[]> {
    const byUid = new Map(all.map((one) => [one.at.uid, { ...one, heard: hearsay.take(keyOf(one.at)) }]))
    try {
      return await store.decide(
        all.map(({ at }) => at),
        async (rows, { uid }) => {
          const known = byUid.get(uid)
          return known && lookAt({ rows, newId, ...known })
        },
      )
    } catch (error) {
      for (const { at } of all) hearsay.forget(keyOf(at))
      throw error
    }
  }

  async function look(all: readonly Known[]): Promise<void> {
    const looks = await decide(all)
    for (const [index, { at }] of all.entries()) {
      const came = looks[index]
      if (!came?.run || isEnded(came.run)) hearsay.forget(keyOf(at))
      else if (came.askedAll) hearsay.askedAll(keyOf(at), came.now)
    }
    await settle(looks.flatMap((one) => one?.settle ?? []))
    for (const [index, known] of all.entries()) {
      const came = looks[index]
      if (!came) continue
      const key = keyOf(known.at)
      if (came.ended) tell(log, known.at, came.ended)
      tell(log, known.at, came)
      looked(came)
      unshown.set(key, { known, look: came })
      if (changed) changed(key)
      else await show(key)
    }
  }

  async function show(...keys: readonly string[]): Promise<void> {
    const all = keys.flatMap((key) => unshown.get(key) ?? [])
    if (all.length === 0) return
    const uids = all.map(({ known }) => known.at.uid)
    const history = await store.history(all.map(({ known: { at, spec } }) => ({ uid: at.uid, limit: spec.historyLimit })))
    const suspended = await store.suspended(uids)
    const changes = all.map(({ known: { at, object }, look }) => {
      const generation = object.metadata.generation ?? 1
      const told = { look, history: history.get(at.uid) ?? [], suspended: suspended.get(at.uid) ?? NONE_SUSPENDED, generation }
      return { at, change: (old: Manifest) => changedStatus(old, at, told) }
    })
    await objects.changeStatuses(changes)
    for (const one of all) if (unshown.get(keyOf(one.known.at)) === one) unshown.delete(keyOf(one.known.at))
  }

  return { look, show }
}

/** Another one of that name is none of its business. */
function changedStatus(old: Manifest, { uid }: RolloutName, told: Told): unknown {
  return old.metadata.uid === uid ? rolloutStatus((old.status ?? {}) as RolloutStatus, told) : old.status
}

/** One line for each thing that happened. */
function tell(log: Log, { name, namespace }: RolloutName, { run, steps }: Pick<Look, 'run' | 'steps'>): void {
  for (const step of steps) {
    if (step.kind !== 'record') continue
    const fields = { event: step.event, object: `${namespace}/${name}`, revision: run?.content.revision ?? '' }
    if (step.severity === 'error') log.warn(fields, step.message)
    else log.info(fields, step.message)
  }
}
