import { FleetError } from '../../proto/base/errors.ts'
import type { RolloutSpec } from '../../proto/model/fleet/rollout.ts'
import { PLATFORM_TENANT } from '../../proto/model/names.ts'
import { Hearsay } from './heard.ts'
import { type Known, keyOf, type LookDeps, openLooks } from './looks.ts'
import type { News } from './news.ts'
import type { ChainQuery, LetGo, PlacementAt, RolloutName, RolloutObjects } from './ports.ts'
import { type Asked, act } from './turn/act.ts'
import { type LeftOut, type SourceWhy, whyChains, whyLeftOut } from './turn/chain.ts'
import { chooseMembers } from './turn/members.ts'
import { stateFor } from './turn/source.ts'

export type { Asked } from './turn/act.ts'

/** When a revision reaches which cluster. Every Rollout goes by its `namespace/name`. */
export interface RolloutService {
  /** Clusters, sources and selector anew. Repeatable. @returns false where there is no such Rollout */
  choose(key: string): Promise<boolean>
  /** Chooses, then looks. */
  survey(key: string): Promise<void>
  /** Brings the runs on as far as they can go now, in one transaction. Any replica may; one does it at a time. */
  look(...keys: readonly string[]): Promise<void>
  /** The same, by what was heard since the last look: of other clusters nothing is asked, unless that was long ago, or a wave ends. */
  lookHeard(...keys: readonly string[]): Promise<void>
  /** Asks again for what a hub that was killed left undone. */
  resettle(key: string): Promise<void>
  /** Writes what the last looks came to into the status. */
  show(...keys: readonly string[]): Promise<void>
  /** Does what a person asked for. @returns what was done, in a sentence @throws `not-found`, `conflict` where it means nothing now */
  act(at: Omit<RolloutName, 'uid'>, asked: Asked, by: { readonly subject: string; readonly reason?: string | undefined }): Promise<string>
  /** Why a cluster has, or has not, the newest revision of its sources. */
  why(query: ChainQuery): Promise<readonly SourceWhy[]>
  /** Placements with the object that is asked about that leave the cluster out; why they do is theirs to say. */
  leftOut(query: ChainQuery): Promise<readonly PlacementAt[]>
  whyLeftOut(left: LeftOut): SourceWhy
  ofSources(keys: readonly string[]): Promise<readonly string[]>
  /** Rollouts that clusters of these names may come to, or leave. */
  ofClusters(names: readonly string[]): Promise<readonly string[]>
  /** Rollouts that the news may matter to; their next look asks of its clusters. */
  ofNews(news: readonly News[]): Promise<readonly string[]>
  all(): Promise<readonly string[]>
  /** Says that a hub is awake. @returns Rollouts whose time has come */
  beat(): Promise<readonly string[]>
}

export interface RolloutDeps extends LookDeps {
  readonly tenantOf: (namespace: string) => Promise<string | undefined>
  /** Told which Rollouts, by key, were given clusters that another let go of: they are to be surveyed. */
  readonly inherited: (keys: readonly string[]) => void
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

  async function lookHeard(...keys: readonly string[]): Promise<void> {
    const all = await known(objects, keys)
    if (all.length > 0) await look(all)
  }

  return {
    choose,

    async survey(key) {
      if (await choose(key)) await lookHeard(key)
    },

    async look(...keys) {
      for (const key of keys) hearsay.forget(key)
      await lookHeard(...keys)
    },

    lookHeard,

    async resettle(key) {
      hearsay.forget(key)
      const [found] = await known(objects, [key])
      if (found) await settle((await store.unsettled(found.at.uid)).map((key) => ({ key })))
    },

    show,

    async act({ name, namespace }, asked, { reason, subject }) {
      const found = await present(deps, `${namespace}/${name}`)
      if (!found) throw new FleetError('not-found', `Rollout ${namespace}/${name} not found`)
      const { at, source, spec } = found
      await store.open(at)
      const lastGood = (before: string) => store.lastGood(at.uid, before)
      const doing = { source, name: `${namespace}/${name}`, suspended: spec.suspend, lastGood }
      const [said] = await store.decide([at], (rows) =>
        act(asked, { ...doing, rows, word: { by: subject, reason, since: rows.now.toISOString() } }),
      )
      if (said === undefined) throw new FleetError('conflict', `${asked.verb} Rollout ${namespace}/${name}: it has just been deleted`)
      hearsay.forget(keyOf(at))
      await look([found])
      // Who asked for something looks at what became of it.
      await show(keyOf(at))
      return said
    },

    why: (query) => whyChains(store, async (at) => (await objects.get([at]))[0]?.spec as RolloutSpec | undefined, query),
    leftOut: (query) => store.placementsWith(query),
    whyLeftOut,
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

/** Has it govern the clusters that are its own by now, and says what is wrong with them. */
async function takeMembers(deps: RolloutDeps, { at, source, spec }: Known): Promise<void> {
  const { store } = deps
  await store.open(at)
  const tenant = await deps.tenantOf(at.namespace)
  // Before the candidates: who joins meanwhile is governed already, and not to be let go for not being among them.
  const held = await store.held(at.uid)
  const candidates = await store.candidates(source, tenant === PLATFORM_TENANT ? undefined : tenant)
  const missing = candidates.length === 0 && (await store.isMissing(source))
  const { clusters, moreProblems, newest, origin, ...chosen } = chooseMembers(spec, candidates, at.uid)
  const problems = missing ? [{ message: `${source.kind} ${source.namespace}/${source.name} does not exist` }] : chosen.problems
  const [left] = await store.decide([at], async (rows) => {
    const gone = await rows.govern(source, { clusters, held, candidates: candidates.map(({ clusterId }) => clusterId) })
    const state = await stateFor(rows, source, origin)
    await rows.save({ ...state, newest: newest ?? state.newest, problems, moreProblems }, rows.now)
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

function nameOf(key: string): Omit<RolloutName, 'uid'> {
  const [namespace = '', name = ''] = key.split('/')
  return { namespace, name }
}

async function letGo({ inherited, settle }: RolloutDeps, left: LetGo | undefined): Promise<void> {
  if (!left) return
  await settle(left.settle.map((key) => ({ key })))
  if (left.heirs.length > 0) inherited(left.heirs)
}
