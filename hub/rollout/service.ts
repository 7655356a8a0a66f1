import { FleetError } from '../../proto/base/errors.ts'
import type { Log } from '../../proto/base/log.ts'
import type { Random } from '../../proto/base/random.ts'
import type { RolloutSpec } from '../../proto/model/fleet/rollout.ts'
import type { RolloutStatus } from '../../proto/model/fleet/rollout-status.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { PLATFORM_TENANT } from '../../proto/model/names.ts'
import { isEnded } from './advance.ts'
import { Hearsay } from './heard.ts'
import type { Settle, SourceObject } from './model.ts'
import type { News } from './news.ts'
import type { ChainQuery, LetGo, RolloutName, RolloutStore } from './ports.ts'
import { type Asked, act } from './turn/act.ts'
import { type SourceWhy, whyChains } from './turn/chain.ts'
import { type Look, lookAt } from './turn/look.ts'
import { chooseMembers } from './turn/members.ts'
import { rolloutStatus, type Told } from './turn/status.ts'

export type { Asked } from './turn/act.ts'

/** The Rollouts of the fleet. */
export interface RolloutObjects {
  /** Those that are there. */
  get(all: readonly Omit<RolloutName, 'uid'>[]): Promise<readonly Manifest[]>
  /** Those that are gone are left out. */
  changeStatuses(all: readonly { readonly at: Omit<RolloutName, 'uid'>; readonly change: (old: Manifest) => unknown }[]): Promise<void>
}

/** When a revision reaches which cluster. Every Rollout goes by its `namespace/name`. */
export interface RolloutService {
  /** Clusters, sources and selector anew. Repeatable. @returns false where there is no such Rollout */
  choose(key: string): Promise<boolean>
  /** Chooses, then looks. */
  survey(key: string): Promise<void>
  /** Brings the runs on as far as they can go now, in one transaction. Any replica may; one does it at a time. */
  look(...keys: readonly string[]): Promise<void>
  /** Asks again for what a hub that was killed left undone. */
  resettle(key: string): Promise<void>
  /** Writes what the last looks came to into the status. */
  show(...keys: readonly string[]): Promise<void>
  /** Does what a person asked for. @returns what was done, in a sentence @throws `not-found`, `conflict` where it means nothing now */
  act(at: Omit<RolloutName, 'uid'>, asked: Asked, by: { readonly subject: string; readonly reason?: string | undefined }): Promise<string>
  /** Why a cluster has, or has not, the newest revision of its sources. */
  why(query: ChainQuery): Promise<readonly SourceWhy[]>
  ofSources(keys: readonly string[]): Promise<readonly string[]>
  /** Rollouts that clusters of these names may come to, or leave. */
  ofClusters(names: readonly string[]): Promise<readonly string[]>
  /** Rollouts that the news may matter to; their next look asks of its clusters. */
  ofNews(news: readonly News[]): Promise<readonly string[]>
  all(): Promise<readonly string[]>
  /** Says that a hub is awake. @returns Rollouts whose time has come */
  beat(): Promise<readonly string[]>
}

export interface RolloutDeps {
  readonly store: RolloutStore
  readonly objects: RolloutObjects
  readonly tenantOf: (namespace: string) => Promise<string | undefined>
  /** Asks for sources, and Placements (`placementOf`), to be settled. */
  readonly settle: (all: readonly Settle[]) => Promise<void>
  /** Told which Rollouts, by key, were given clusters that another let go of: they are to be surveyed. */
  readonly inherited: (keys: readonly string[]) => void
  /** Told what each look came to. */
  readonly looked: (look: Look) => void
  /** Told which Rollouts, by key, have something to `show`; it is shown at once where nobody is told. */
  readonly changed?: (key: string) => void
  readonly random: Random
  readonly log: Log
}

const NONE_SUSPENDED = { first: [], total: 0 }

interface Known {
  readonly at: RolloutName
  readonly object: Manifest
  readonly spec: RolloutSpec
  readonly source: SourceObject
}

export function createRolloutService(deps: RolloutDeps): RolloutService {
  const { objects, settle, store } = deps
  const hearsay = new Hearsay()
  const { look, show } = openLooks(deps, hearsay)

  async function choose(key: string): Promise<boolean> {
    hearsay.forget(key)
    const found = await present(deps, key)
    if (found) await takeMembers(deps, found)
    return found !== undefined
  }

  async function lookAtAll(...keys: readonly string[]): Promise<void> {
    const all = await known(objects, keys)
    if (all.length > 0) await look(all)
  }

  return {
    choose,

    async survey(key) {
      if (await choose(key)) await lookAtAll(key)
    },

    look: lookAtAll,

    async resettle(key) {
      hearsay.forget(key)
      const [found] = await known(objects, [key])
      if (found) await settle((await store.unsettled(found.at.uid)).map((key) => ({ key })))
    },

    show,

    async act({ name, namespace }, asked, { reason, subject }) {
      const found = await present(deps, `${namespace}/${name}`)
      if (!found) throw new FleetError('not-found', `Rollout ${namespace}/${name} not found`)
      const { at, source } = found
      await store.open(at)
      const lastGood = (but: string) => store.lastGood(at.uid, but)
      const [said] = await store.decide([at], (rows) =>
        act(asked, { rows, source, name: `${namespace}/${name}`, word: { by: subject, reason, since: rows.now.toISOString() }, lastGood }),
      )
      if (said === undefined) throw new FleetError('conflict', `${asked.verb} Rollout ${namespace}/${name}: it has just been deleted`)
      hearsay.forget(keyOf(at))
      await look([found])
      // Who asked for something looks at what became of it.
      await show(keyOf(at))
      return said
    },

    why: (query) => whyChains(store, async (at) => (await objects.get([at]))[0]?.spec as RolloutSpec | undefined, query),
    ofSources: (keys) => store.ofSources(keys),
    ofClusters: (names) => store.ofClusters(names),
    async ofNews(news) {
      const heard = await store.ofNews(news)
      hearsay.add(heard)
      return [...new Set(heard.map(({ key }) => key))]
    },
    all: () => store.all(),
    beat: () => store.beat(),
  }
}

/** Looks at Rollouts, and what is not in their status yet: the last look alone counts. */
function openLooks({ changed, log, looked, objects, random, settle, store }: RolloutDeps, hearsay: Hearsay) {
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

/** Has it govern the clusters that are its own by now, and says what is wrong with them. */
async function takeMembers(deps: RolloutDeps, { at, source, spec }: Known): Promise<void> {
  const { store } = deps
  await store.open(at)
  const tenant = await deps.tenantOf(at.namespace)
  // Before the candidates: who joins meanwhile is governed already, and not to be let go for not being among them.
  const held = await store.held(at.uid)
  const candidates = await store.candidates(source, tenant === PLATFORM_TENANT ? undefined : tenant)
  const missing = candidates.length === 0 && (await store.isMissing(source))
  const { clusters, moreProblems, newest, ...chosen } = chooseMembers(spec, candidates, at.uid)
  const problems = missing ? [{ message: `${source.kind} ${source.namespace}/${source.name} does not exist` }] : chosen.problems
  const [left] = await store.decide([at], async (rows) => {
    const gone = await rows.govern(source, { clusters, held, candidates: candidates.map(({ clusterId }) => clusterId) })
    await rows.save({ ...rows.state, newest: newest ?? rows.state.newest, problems, moreProblems }, rows.now)
    return gone
  })
  await letGo(deps, left)
}

/** The Rollout of that name; where it is gone, or another one by now, its clusters are free again. */
async function present(deps: RolloutDeps, key: string): Promise<Known | undefined> {
  const [found] = await known(deps.objects, [key])
  await letGo(deps, await deps.store.forget(nameOf(key), found?.at.uid))
  return found
}

/** The Rollouts of these names, as far as they are there to stay. */
async function known(objects: RolloutObjects, keys: readonly string[]): Promise<readonly Known[]> {
  const found = await objects.get(keys.map(nameOf))
  return found.flatMap((object) => {
    const { deletionTimestamp, name, namespace = '', uid } = object.metadata
    if (deletionTimestamp !== undefined || uid === undefined) return []
    const spec = object.spec as RolloutSpec
    return [{ at: { uid, namespace, name }, object, spec, source: { ...spec.source, namespace } }]
  })
}

const keyOf = ({ name, namespace }: Omit<RolloutName, 'uid'>): string => `${namespace}/${name}`

function nameOf(key: string): Omit<RolloutName, 'uid'> {
  const [namespace = '', name = ''] = key.split('/')
  return { namespace, name }
}

async function letGo({ inherited, settle }: RolloutDeps, left: LetGo | undefined): Promise<void> {
  if (!left) return
  await settle(left.settle.map((key) => ({ key })))
  if (left.heirs.length > 0) inherited(left.heirs)
}

/** Another one of that name is none of its business. */
function changedStatus(old: Manifest, { uid }: RolloutName, told: Told): unknown {
  return old.metadata.uid === uid ? rolloutStatus((old.status ?? {}) as RolloutStatus, told) : old.status
}

/** One line for each thing that happened. */
function tell(log: Log, { name, namespace }: RolloutName, { run, steps }: Look): void {
  for (const step of steps) {
    if (step.kind !== 'record') continue
    const fields = { event: step.event, object: `${namespace}/${name}`, revision: run?.content.revision ?? '' }
    if (step.severity === 'error') log.warn(fields, step.message)
    else log.info(fields, step.message)
  }
}
