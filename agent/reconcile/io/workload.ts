import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { HealthChecks } from '../../../proto/model/flux/health-checks.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import { type Manifest, refOf } from '../../../proto/model/manifest.ts'
import { apiVersionOf, formatRef, type ObjectRef, refKey } from '../../../proto/model/object-ref.ts'
import type { Applied } from '../../apply/model.ts'
import type { Known, Remembered } from '../../drift/model.ts'
import type { Awaited, Followed, HealthOutcome, ObjectHealth } from '../../health/model.ts'
import type { Item } from '../../inventory/model.ts'
import type { ImpersonatedKube, Kube } from '../../kube/model.ts'
import { isFluxController } from '../manifests.ts'
import type { Owner, Workload } from '../ports.ts'
import type { Coverage } from './coverage.ts'

/** What became of one item of a prune, as far as it matters here. */
interface PrunedItem {
  readonly kind: 'deleted' | 'absent' | 'kept' | 'failed'
  readonly item: Item
  readonly error?: FleetError
}

export interface WorkloadDeps {
  readonly own: Kube
  readonly as: (account: ServiceAccountRef) => ImpersonatedKube
  readonly applyAs: (
    kube: ImpersonatedKube,
    objects: readonly Manifest[],
    o: { owner: Owner; force: boolean; signal: AbortSignal; leaveAlone: (object: Manifest) => boolean },
  ) => Promise<Applied>
  readonly pruneAs: (
    kube: ImpersonatedKube,
    items: readonly Item[],
    o: { owner: Owner; signal: AbortSignal; awaitGoneMs?: number },
  ) => Promise<readonly PrunedItem[]>
  readonly memory: {
    known(subject: string, ref: ObjectRef): Known
    remembered(subject: string, ref: ObjectRef): Remembered | undefined
    forget(subject: string, refs: readonly ObjectRef[]): void
  }
  readonly watches: { hold(subject: string, objects: readonly Awaited[]): Disposable }
  readonly coverage: Coverage
  readonly waits: {
    wait(
      subject: string,
      objects: readonly Awaited[],
      o: { signal: AbortSignal; timeoutMs: number; checks?: HealthChecks | undefined },
    ): Promise<HealthOutcome>
    follow(subject: string, objects: readonly Awaited[], o: { changed: () => void; checks?: HealthChecks | undefined }): Followed
    forget(subject: string, refs: readonly ObjectRef[]): void
  }
  readonly clock: Clock
  /** Ends with the right to act. */
  readonly stop: AbortSignal
  readonly describeUnhealthy: (objects: readonly ObjectHealth[]) => string
}

/** After a restart, watches tell within moments what else a dry-run of everything would have to ask. */
const WATCHES_MS = 5_000
const OVERLAP_MS = 30_000

/** Apply, prune, health and watches, each as the ServiceAccount of the Kustomization. */
export function createWorkload(deps: WorkloadDeps): Workload {
  const { as, memory, watches } = deps
  return {
    async apply(objects, { account, owner, force, signal }) {
      const kube = as(account)
      await holdAgain(deps, kube.subject, objects, signal)
      try {
        return await deps.applyAs(kube, objects, { owner, force, signal, leaveAlone: isFluxController })
      } catch (error) {
        return { changes: [], failure: ranOut(signal, error, 'apply') }
      }
    },
    prune: (items, o) => prune(deps, items, o),
    async awaitHealth(items, { account, owned, ...o }) {
      const objects = items.map((item) => awaited(item, owned.has(refKey(item.ref))))
      const outcome = await deps.waits.wait(as(account).subject, objects, o)
      return outcome.kind === 'healthy' ? outcome : { kind: outcome.kind, why: deps.describeUnhealthy(outcome.objects) }
    },
    follow(items, { account, ...o }) {
      const objects = items.map((item) => awaited(item, true))
      return deps.waits.follow(as(account).subject, objects, o)
    },
    hold(items, account) {
      return watches.hold(
        as(account).subject,
        items.map((item) => awaited(item, true)),
      )
    },
    isWatched(items, account) {
      const { subject } = as(account)
      return items.every(({ ref }) => memory.known(subject, ref).kind !== 'unknown')
    },
    async accountExists({ namespace, name }, signal) {
      const home = await deps.own.get({ apiVersion: 'v1', kind: 'Namespace', name: namespace }, { signal })
      if (!home || home.metadata.deletionTimestamp) return false
      return (await deps.own.get({ apiVersion: 'v1', kind: 'ServiceAccount', namespace, name }, { signal })) !== undefined
    },
  }
}

/** Follows objects that an earlier process applied before they are looked at, so that watches answer instead of requests. */
async function holdAgain(deps: WorkloadDeps, subject: string, objects: readonly Manifest[], signal: AbortSignal): Promise<void> {
  const followed = objects.map((object) => ({ ref: refOf(object), apiVersion: object.apiVersion, owned: true }))
  const unseen = followed.filter(({ ref }) => deps.memory.remembered(subject, ref) && deps.memory.known(subject, ref).kind === 'unknown')
  if (unseen.length === 0) return
  const held = deps.watches.hold(subject, followed)
  // Until the run holds them itself.
  const release = () => held[Symbol.dispose]()
  deps.clock.sleep(OVERLAP_MS, deps.stop).then(release, release)
  const scopes = new Map(unseen.map(({ ref: { group, kind, namespace } }) => [`${group}/${kind}/${namespace}`, { group, kind, namespace }]))
  await deps.coverage.until(subject, [...scopes.values()], { ms: WATCHES_MS, signal })
}

async function prune(
  deps: WorkloadDeps,
  items: readonly Item[],
  { account, ...o }: { account: ServiceAccountRef; owner: Owner; signal: AbortSignal; awaitGoneMs?: number },
): ReturnType<Workload['prune']> {
  const kube = deps.as(account)
  try {
    const ours = await withoutFluxControllers(kube, items, o.signal)
    const pruned = await deps.pruneAs(kube, ours, o)
    const failed = pruned.filter(({ kind }) => kind === 'failed')
    const gone = pruned.filter(({ kind }) => kind !== 'failed').map(({ item }) => item.ref)
    deps.memory.forget(kube.subject, gone)
    deps.waits.forget(kube.subject, gone)
    return {
      remaining: failed.map(({ item }) => item),
      deleted: pruned.filter(({ kind }) => kind === 'deleted').map(({ item }) => item.ref),
      failure: failed.length === 0 ? undefined : failed.map(({ item, error }) => error?.message ?? formatRef(item.ref)).join('\n'),
    }
  } catch (error) {
    return { remaining: items, deleted: [], failure: ranOut(o.signal, error, 'delete').message }
  }
}

/** Flux's own controllers stay in the cluster, whoever applied them. */
async function withoutFluxControllers(kube: ImpersonatedKube, items: readonly Item[], signal: AbortSignal): Promise<readonly Item[]> {
  const kept: Item[] = []
  for (const item of items) {
    const { group, kind, namespace, name } = item.ref
    const suspect = group === 'apps' && kind === 'Deployment' && namespace === 'flux-system'
    const live = suspect ? await kube.get({ apiVersion: apiVersionOf(group, item.version), kind, namespace, name }, { signal }) : undefined
    if (!live || !isFluxController(live)) kept.push(item)
  }
  return kept
}

/** The time of the run being up is a failure to tell of; being stopped is not. */
function ranOut(signal: AbortSignal, error: unknown, attempted: string): FleetError {
  const timedOut = signal.aborted && signal.reason instanceof Error && signal.reason.name === 'TimeoutError'
  if (signal.aborted && !timedOut) throw error
  if (timedOut) return new FleetError('deadline-exceeded', `${attempted}: the time of this run is up; see spec.timeout`, { cause: error })
  return FleetError.from(error, attempted)
}

function awaited({ ref, version }: Item, owned: boolean): Awaited {
  return { ref, apiVersion: apiVersionOf(ref.group, version), owned }
}
