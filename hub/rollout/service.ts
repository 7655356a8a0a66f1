import { FleetError } from '../../proto/base/errors.ts'
import type { Log } from '../../proto/base/log.ts'
import type { Random } from '../../proto/base/random.ts'
import type { RolloutSpec } from '../../proto/model/fleet/rollout.ts'
import type { RolloutStatus } from '../../proto/model/fleet/rollout-status.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { PLATFORM_TENANT } from '../../proto/model/names.ts'
import type { SourceObject } from './model.ts'
import type { ChainQuery, LetGo, RolloutName, RolloutStore } from './ports.ts'
import { type Asked, act } from './turn/act.ts'
import { type SourceWhy, whyChains } from './turn/chain.ts'
import { type Look, lookAt } from './turn/look.ts'
import { chooseMembers } from './turn/members.ts'
import { rolloutStatus, type Told } from './turn/status.ts'

export type { Asked } from './turn/act.ts'

/** The Rollouts of the fleet. */
export interface RolloutObjects {
  get(at: Omit<RolloutName, 'uid'>): Promise<Manifest | undefined>
  changeStatus(at: Omit<RolloutName, 'uid'>, change: (old: Manifest) => unknown): Promise<void>
}

/** When a revision reaches which cluster. Every Rollout goes by its `namespace/name`. */
export interface RolloutService {
  /** Clusters, sources and selector anew, then a look. Repeatable. */
  survey(key: string): Promise<void>
  /** Brings the run on as far as it can go now. Any replica may; one does it at a time. */
  look(key: string): Promise<void>
  /** A look because its time has come: what a hub that was killed left undone is asked for again. */
  lookAgain(key: string): Promise<void>
  /** Does what a person asked for. @returns what was done, in a sentence @throws `not-found`, `conflict` where it means nothing now */
  act(at: Omit<RolloutName, 'uid'>, asked: Asked, by: { readonly subject: string; readonly reason?: string | undefined }): Promise<string>
  /** Why a cluster has, or has not, the newest revision of its sources. */
  why(query: ChainQuery): Promise<readonly SourceWhy[]>
  ofSources(keys: readonly string[]): Promise<readonly string[]>
  ofClusters(clusters: readonly string[]): Promise<readonly string[]>
  all(): Promise<readonly string[]>
  /** Says that a hub is awake. @returns Rollouts whose time has come */
  beat(): Promise<readonly string[]>
}

export interface RolloutDeps {
  readonly store: RolloutStore
  readonly objects: RolloutObjects
  readonly tenantOf: (namespace: string) => Promise<string | undefined>
  /** Asks for sources, and Placements (`placementOf`), to be settled. */
  readonly settle: (keys: readonly string[]) => Promise<void>
  /** Told which Rollouts, by key, were given clusters that another let go of: they are to be surveyed. */
  readonly inherited: (keys: readonly string[]) => void
  /** Told what each look came to. */
  readonly looked: (look: Look) => void
  readonly random: Random
  readonly log: Log
}

interface Known {
  readonly at: RolloutName
  readonly object: Manifest
  readonly spec: RolloutSpec
  readonly source: SourceObject
}

export function createRolloutService(deps: RolloutDeps): RolloutService {
  const { objects, settle, store } = deps
  const newId = () => `r-${deps.random.hex(8)}`

  async function lookNow({ at, object, source, spec }: Known): Promise<void> {
    const look = await store.decide(at, (rows) => lookAt({ rows, spec, source, newId }))
    if (!look) return
    await settle(look.settle)
    tell(deps.log, at, look)
    deps.looked(look)
    const [history, suspended] = await Promise.all([store.history(at.uid, spec.historyLimit), store.suspended(at.uid)])
    await writeStatus(objects, at, { look, history, suspended, generation: object.metadata.generation ?? 1 })
  }

  return {
    async survey(key) {
      const found = await known(deps, key)
      if (!found) return
      await takeMembers(deps, found)
      await lookNow(found)
    },

    async look(key) {
      const found = await known(deps, key)
      if (found) await lookNow(found)
    },

    async lookAgain(key) {
      const found = await known(deps, key)
      if (found) await settle(await store.unsettled(found.at.uid))
      if (found) await lookNow(found)
    },

    async act({ name, namespace }, asked, { reason, subject }) {
      const found = await known(deps, `${namespace}/${name}`)
      if (!found) throw new FleetError('not-found', `Rollout ${namespace}/${name} not found`)
      const { at, source } = found
      await store.open(at)
      const lastGood = (but: string) => store.lastGood(at.uid, but)
      const said = await store.decide(at, (rows) =>
        act(asked, { rows, source, name: `${namespace}/${name}`, word: { by: subject, reason, since: rows.now.toISOString() }, lastGood }),
      )
      if (said === undefined) throw new FleetError('conflict', `${asked.verb} Rollout ${namespace}/${name}: it has just been deleted`)
      await lookNow(found)
      return said
    },

    why: (query) => whyChains(store, async (at) => (await objects.get(at))?.spec as RolloutSpec | undefined, query),
    ofSources: (keys) => store.ofSources(keys),
    ofClusters: (clusters) => store.ofClusters(clusters),
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
  const { clusters, moreProblems, newest, ...chosen } = chooseMembers(spec, candidates, at.uid)
  const problems = missing ? [{ message: `${source.kind} ${source.namespace}/${source.name} does not exist` }] : chosen.problems
  const left = await store.decide(at, async (rows) => {
    const gone = await rows.govern(source, { clusters, held, candidates: candidates.map(({ clusterId }) => clusterId) })
    await rows.save({ ...rows.state, newest: newest ?? rows.state.newest, problems, moreProblems }, rows.now)
    return gone
  })
  await letGo(deps, left)
}

/** The Rollout of that name; where it is gone, or another one by now, its clusters are free again. */
async function known(deps: RolloutDeps, key: string): Promise<Known | undefined> {
  const { objects, store } = deps
  const [namespace = '', name = ''] = key.split('/')
  const object = await objects.get({ namespace, name })
  const uid = object?.metadata.deletionTimestamp === undefined ? object?.metadata.uid : undefined
  await letGo(deps, await store.forget({ namespace, name }, uid))
  if (!object || uid === undefined) return undefined
  const spec = object.spec as RolloutSpec
  return { at: { uid, namespace, name }, object, spec, source: { ...spec.source, namespace } }
}

async function letGo({ inherited, settle }: RolloutDeps, left: LetGo | undefined): Promise<void> {
  if (!left) return
  await settle(left.settle)
  if (left.heirs.length > 0) inherited(left.heirs)
}

async function writeStatus(objects: RolloutObjects, at: RolloutName, told: Told): Promise<void> {
  try {
    await objects.changeStatus(at, (old) =>
      old.metadata.uid === at.uid ? rolloutStatus((old.status ?? {}) as RolloutStatus, told) : old.status,
    )
  } catch (error) {
    if (!(error instanceof FleetError) || error.code !== 'not-found') throw error
  }
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
