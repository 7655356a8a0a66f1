import { delayMs } from '../../../proto/base/backoff.ts'
import { canonicalJson } from '../../../proto/base/canonical.ts'
import type { Clock } from '../../../proto/base/clock.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { Random } from '../../../proto/base/random.ts'
import { WorkQueue } from '../../../proto/base/work-queue.ts'
import type { ClusterFact } from '../../../proto/model/facts.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import { PLACEMENT_MANAGER } from '../../../proto/model/names.ts'
import type { ImpersonatedKube } from '../../kube/model.ts'
import type { Identity } from '../../tenancy/model.ts'
import { clusterInfo } from '../cluster-info.ts'

export interface InfoDeps {
  readonly as: (account: ServiceAccountRef) => ImpersonatedKube
  readonly identify: (namespace: string) => Identity
  readonly fact: () => ClusterFact | undefined
  /** Namespaces with work of ours. */
  readonly namespaces: () => Iterable<string>
  readonly mayAct: () => boolean
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Keeps what the cluster is, as a ConfigMap in each namespace that is served. */
export interface InfoKeeper extends AsyncDisposable {
  /** Something else is known of the cluster, or of who acts in it. */
  wake(): void
  /** Resolves when the namespace has been told, or could not be: what comes next may read it. */
  told(namespace: string, signal: AbortSignal): Promise<void>
  /** There is work of ours in this namespace. */
  met(namespace: string): void
}

/** Nobody watches these ConfigMaps: what a person changed in one is put back after so long. */
const EVERY_MS = 600_000
const BACKOFF = { baseMs: 1_000, capMs: 300_000 }
const GATHER_MS = 200

export function openInfoKeeper(deps: InfoDeps): InfoKeeper {
  const { clock, log, random } = deps
  const written = new Map<string, { readonly text: string; readonly atMs: number }>()
  const failures = new Map<string, number>()
  const write = async (namespace: string, signal: AbortSignal) => {
    const fact = deps.fact()
    const identity = deps.identify(namespace)
    if (!fact || !deps.mayAct() || identity.kind === 'refused') return
    const manifest = clusterInfo(fact, namespace)
    const text = canonicalJson([manifest, identity.account])
    const known = written.get(namespace)
    const nowMs = clock.now().getTime()
    // A look in between has taken the place of the one that is due.
    if (known?.text === text && nowMs - known.atMs < EVERY_MS) return queue.add(namespace, known.atMs + EVERY_MS - nowMs)
    await deps.as(identity.account).apply(manifest, { fieldManager: PLACEMENT_MANAGER, force: true, signal })
    written.set(namespace, { text, atMs: nowMs })
    failures.delete(namespace)
    queue.add(namespace, EVERY_MS)
  }
  const queue: WorkQueue = new WorkQueue({
    concurrency: 2,
    clock,
    work: write,
    failed(namespace, error) {
      const count = (failures.get(namespace) ?? 0) + 1
      failures.set(namespace, count)
      written.delete(namespace)
      const object = `Namespace/${namespace}`
      log.info({ event: 'cluster-info.failed', object, err: error }, 'cannot tell a namespace of its cluster, trying again')
      queue.add(namespace, delayMs(count, { ...BACKOFF, jitter: random.next() }))
    },
  })
  return {
    async told(namespace, signal) {
      if (!written.has(namespace)) await write(namespace, signal).catch(() => queue.add(namespace))
    },
    met(namespace) {
      if (!written.has(namespace)) queue.add(namespace, GATHER_MS)
    },
    wake() {
      for (const namespace of new Set(deps.namespaces())) queue.add(namespace, GATHER_MS)
    },
    [Symbol.asyncDispose]: () => queue[Symbol.asyncDispose](),
  }
}
