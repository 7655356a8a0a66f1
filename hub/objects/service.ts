import type { Clock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { formatRef, refKey } from '../../proto/model/object-ref.ts'
import type { ResourceKind } from '../../proto/model/resource/kind.ts'
import {
  FLEET_SCOPE,
  type ListQuery,
  type ObjectKey,
  type ObjectPage,
  type StoredObject,
  type WatchEvent,
  type WatchQuery,
} from './model.ts'
import { createdManifest, deletedManifest, type Next, replacedManifest, statusManifest } from './next.ts'
import type { ObjectStore } from './ports.ts'

/** What a change makes of the object it finds; a value of its own where it must be refused is thrown. */
export type Change = (old: Manifest) => Manifest

export interface StatusChange {
  readonly key: ObjectKey
  readonly change: (old: Manifest) => unknown
}

export interface ChangeOptions {
  /** The resourceVersion that the caller saw; any where absent. */
  readonly expected?: string | undefined
  readonly dryRun?: boolean
}

/** Objects of the fleet and of its clusters, as Kubernetes keeps them. */
export interface ObjectService {
  get(key: ObjectKey): Promise<StoredObject | undefined>
  /** Those that are there. */
  getAll(keys: readonly ObjectKey[]): Promise<readonly StoredObject[]>
  list(query: ListQuery): Promise<ObjectPage>
  watch(query: WatchQuery, options: { readonly signal: AbortSignal }): AsyncGenerator<readonly WatchEvent[]>
  /** @throws `already-exists` */
  create(kind: ResourceKind, manifest: Manifest, options?: { readonly dryRun?: boolean }): Promise<StoredObject>
  /** Replaces what clients may write. @throws `not-found`, `conflict` when `expected` has passed */
  change(key: ObjectKey, change: Change, options?: ChangeOptions): Promise<StoredObject>
  changeStatus(key: ObjectKey, change: (old: Manifest) => unknown): Promise<StoredObject>
  /** Many at once, each object once: those that change are written together, those that are gone are left out. */
  changeStatuses(all: readonly StatusChange[]): Promise<void>
  /** @returns the object as it is now (finalizers hold it) or last was */
  remove(key: ObjectKey, options?: ChangeOptions & { readonly uid?: string | undefined }): Promise<StoredObject>
}

const TRIES = 8

export function createObjectService(deps: {
  readonly store: ObjectStore
  readonly watch: ObjectService['watch']
  readonly clock: Clock
  readonly newUid: () => string
}): ObjectService {
  const { store, clock } = deps

  /** Decides on the present object; when somebody else was faster, on what they left. */
  async function settle(key: ObjectKey, decide: (old: StoredObject) => Next, options: ChangeOptions): Promise<StoredObject> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const old = await store.get(key)
      if (!old) throw new FleetError('not-found', `${formatRef(key)} not found`)
      const version = old.manifest.metadata.resourceVersion
      if (options.expected !== undefined && options.expected !== version) throw moved(key)
      const next = decide(old)
      if (next.kind === 'same') return old
      if (options.dryRun) return next.kind === 'gone' ? old : { ...old, manifest: next.manifest }
      const done = next.kind === 'gone' ? await store.remove(old) : await store.replace(old, next.manifest)
      if (done) return done
    }
    throw moved(key)
  }

  return {
    get: (key) => store.get(key),
    getAll: (keys) => store.getAll(keys),
    list: (query) => store.list(query),
    watch: deps.watch,

    async create(kind, manifest, options = {}) {
      const made = createdManifest(manifest, { uid: deps.newUid(), now: clock.now(), status: kind.freshStatus })
      if (!options.dryRun) return store.insert(FLEET_SCOPE, made)
      const { name, namespace = '' } = made.metadata
      const key = { scope: FLEET_SCOPE, group: kind.group, kind: kind.kind, namespace, name }
      if (await store.get(key)) throw new FleetError('already-exists', `create ${formatRef(key)}: it exists already`)
      const never = { xid: 0n, seq: 0n }
      return { scope: FLEET_SCOPE, manifest: made, version: never, rowVersion: never, originVersion: undefined, createdXid: 0n }
    },

    change: (key, change, options = {}) => settle(key, ({ manifest }) => replacedManifest(manifest, change(manifest)), options),
    changeStatus: (key, change) => settle(key, ({ manifest }) => statusManifest(manifest, change(manifest)), {}),

    async changeStatuses(all) {
      let left = all
      for (let attempt = 0; attempt < TRIES && left.length > 0; attempt++) left = await settleStatuses(store, left)
      if (left[0]) throw moved(left[0].key)
    },

    remove: (key, options = {}) =>
      settle(
        key,
        ({ manifest }) => {
          if (options.uid !== undefined && options.uid !== manifest.metadata.uid) throw moved(key)
          return deletedManifest(manifest, clock.now())
        },
        options,
      ),
  }
}

/** @returns those that somebody else was faster with */
async function settleStatuses(store: ObjectStore, all: readonly StatusChange[]): Promise<readonly StatusChange[]> {
  const found = new Map((await store.getAll(all.map(({ key }) => key))).map((one) => [keyOf(one), one]))
  const wanted = all.flatMap((one) => {
    const object = found.get(formatKey(one.key))
    if (!object) return []
    const next = statusManifest(object.manifest, one.change(object.manifest))
    return next.kind === 'same' ? [] : [{ one, object, next }]
  })
  const written = await store.replaceStatuses(
    wanted.flatMap(({ next, object }) => (next.kind === 'write' ? [{ object, status: next.manifest.status }] : [])),
  )
  const left: StatusChange[] = []
  for (const { next, object, one } of wanted)
    if (next.kind === 'gone' ? !(await store.remove(object)) : !written.has(object)) left.push(one)
  return left
}

const formatKey = (key: ObjectKey): string => `${key.scope} ${refKey(key)}`
const keyOf = ({ manifest, scope }: StoredObject): string => formatKey({ scope, ...refOf(manifest) })

function moved(key: ObjectKey): FleetError {
  return new FleetError('conflict', `${formatRef(key)} has been modified; read it again and apply the change to the latest version`)
}
