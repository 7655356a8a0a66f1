import { WorkQueue } from '../../../proto/base/work-queue.ts'
import type { ObjectRef } from '../../../proto/model/object-ref.ts'
import { refKey } from '../../../proto/model/object-ref.ts'
import type { PlacedGrounds } from '../ports.ts'
import { createPlaced, type PlacedServiceDeps } from '../service.ts'
import { openPlacedCluster, type PlacedClusterDeps } from './cluster.ts'
import { type InfoDeps, openInfoKeeper } from './info.ts'

export interface PlacedDeps
  extends PlacedClusterDeps,
    PlacedGrounds,
    Pick<InfoDeps, 'namespaces'>,
    Omit<PlacedServiceDeps, 'cluster' | 'grounds'> {
  /** Keys of everything that is to be placed or to go. */
  readonly keys: () => Iterable<string>
  readonly cluster: InfoDeps['fact']
}

/** What placements of the hub put into this cluster. */
export interface Placed extends AsyncDisposable {
  /** Everything may be otherwise: who acts here, or whether anybody does. */
  everything(): void
  touched(what: { readonly placed: ReadonlySet<string>; readonly cluster: boolean; readonly tenants: ReadonlySet<string> }): void
  /** A Flux object has changed. */
  seen(ref: ObjectRef): void
}

const CONCURRENCY = 4
const AGAIN_MS = 5_000

export function openPlaced(deps: PlacedDeps): Placed {
  const { clock, identify, log } = deps
  const info = openInfoKeeper({
    ...{ as: deps.as, fact: deps.cluster, namespaces: deps.namespaces, clock, random: deps.random, log },
    identify: (namespace) => identify(namespace, false),
    mayAct: () => deps.adoption().kind === 'acting',
  })
  const cluster = openPlacedCluster(deps)
  const lookAfter = createPlaced({
    ...deps,
    grounds: deps,
    cluster: {
      ...cluster,
      async apply(account, manifest, signal) {
        await info.told(manifest.metadata.namespace ?? '', signal)
        await cluster.apply(account, manifest, signal)
      },
    },
  })
  const queue: WorkQueue = new WorkQueue({
    concurrency: CONCURRENCY,
    clock,
    async work(key, signal) {
      const afterMs = await lookAfter(key, signal)
      if (afterMs !== undefined) queue.add(key, afterMs)
    },
    failed(key, error) {
      log.warn({ event: 'placed.failed', object: key, err: error }, 'could not look after a placed object, trying again')
      queue.add(key, AGAIN_MS)
    },
  })
  return {
    everything() {
      for (const key of deps.keys()) queue.add(key)
      info.wake()
    },
    touched({ cluster, placed, tenants }) {
      for (const key of placed) queue.add(key)
      if (cluster || tenants.size > 0) info.wake()
    },
    seen(ref) {
      const key = refKey(ref)
      if (deps.fact(key)) queue.add(key)
      if (ref.kind === 'Kustomization') info.met(ref.namespace)
    },
    async [Symbol.asyncDispose]() {
      await queue[Symbol.asyncDispose]()
      await info[Symbol.asyncDispose]()
    },
  }
}
