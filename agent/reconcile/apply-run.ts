import type { Clock } from '../../proto/base/clock.ts'
import { within } from '../../proto/base/signals.ts'
import type { Kustomization } from '../../proto/model/flux/kustomize/kinds.ts'
import type { KustomizationSpec } from '../../proto/model/flux/kustomize/kustomization.ts'
import { refOf } from '../../proto/model/manifest.ts'
import { formatRef } from '../../proto/model/object-ref.ts'
import type { AppliedObject } from '../../proto/model/report.ts'
import type { Change } from '../apply/model.ts'
import type { Followed } from '../health/model.ts'
import type { Entry, Item } from '../inventory/model.ts'
import type { FailureReason } from '../mirror/model.ts'
import type { Applied as ToldApplied } from '../report/model.ts'
import { assessedItems, fluxItems } from './awaited.ts'
import { healthChecks } from './expressions.ts'
import type { Plan } from './model.ts'
import type { Owner, Prepare, Voice, Workload } from './ports.ts'
import type { Run } from './runs.ts'

/** Decisions of earlier concepts, as this one uses them. */
export interface RunDeps {
  readonly workload: Workload
  readonly prepare: Prepare
  readonly voice: Voice
  readonly clock: Clock
  /** Waits shorter than this are not told of. */
  readonly quietMs: number
  readonly toEntries: (items: readonly Item[]) => readonly Entry[]
  readonly fromEntries: (entries: readonly Entry[]) => readonly Item[]
  /** Items of the old inventory that the new one has not. */
  readonly stale: (old: readonly Item[], now: readonly Item[]) => readonly Item[]
  readonly union: (old: readonly Item[], now: readonly Item[]) => readonly Item[]
  readonly describeChanges: (changes: readonly Change[]) => string
  readonly timeoutMs: (spec: KustomizationSpec) => number
  readonly progress: (step: 'health', revision: string, spec: KustomizationSpec) => string
  /** The objects whose health counts: all with `wait`, else those that `healthChecks` names. */
  readonly awaited: (object: Kustomization, items: readonly Item[]) => readonly Item[]
  /** Flux objects as they are known to be by now. */
  readonly sighted: (items: readonly Item[]) => readonly AppliedObject[]
  /** Tells the hub of what was applied, until disposed; at once where that changed the cluster. */
  readonly follow: (applied: ToldApplied, changed: boolean, watch: (news: () => void) => Followed) => Disposable
}

interface Job {
  readonly key: string
  readonly object: Kustomization
  readonly plan: Extract<Plan, { kind: 'apply' }>
  /** What the last run of this process applied; the object's own inventory where there was none. */
  readonly items: readonly Item[]
}

/** Applies and prunes as one ServiceAccount. The run where it succeeded; otherwise the failure is told and there is none. */
export async function applyRun(deps: RunDeps, job: Job, signal: AbortSignal): Promise<Run | undefined> {
  const { object, plan } = job
  const startedMs = deps.clock.now().getTime()
  const limited = within(deps.timeoutMs(object.spec), signal)
  const old = job.items.length > 0 ? job.items : deps.fromEntries(object.status.inventory?.entries ?? [])
  const preparing = deps.prepare(object, plan.digest, { account: plan.account, signal: limited })
  const prepared = await preparing.catch((error: unknown) => {
    signal.throwIfAborted()
    if (!limited.aborted) throw error
    return { problem: 'context deadline exceeded: the content could not be fetched in time' }
  })
  if ('problem' in prepared) return fail(deps, job, { reason: 'BuildFailed', message: prepared.problem }, signal)

  const owner: Owner = { name: object.metadata.name, namespace: object.metadata.namespace ?? '' }
  const applying = { account: plan.account, owner, force: object.spec.force, signal: limited }
  const applied = await deps.workload.apply(prepared.objects, applying)
  const items = applied.changes.map(({ ref, version }) => ({ ref, version }))
  if (applied.failure) {
    const failure = {
      reason: 'ReconciliationFailed',
      message: applied.failure.message,
      items: deps.union(old, items),
      changes: applied.changes,
    } as const
    return fail(deps, job, failure, signal)
  }

  const gone = object.spec.prune ? deps.stale(old, items) : []
  const pruned = gone.length > 0 ? await deps.workload.prune(gone, { account: plan.account, owner, signal: limited }) : NOTHING_PRUNED
  const kept = deps.union(pruned.remaining, items)
  const deleted = pruned.deleted.map((ref): Change => ({ ref, version: '', action: 'deleted' }))
  const changes = [...applied.changes, ...deleted]
  if (pruned.failure) return fail(deps, job, { reason: 'PruneFailed', message: pruned.failure, items: kept, changes }, signal)
  tellChanges(deps, job, changes)
  const endedMs = deps.clock.now().getTime()
  const checked = deps.awaited(object, items).length > 0
  return {
    generation: object.metadata.generation ?? 0,
    bundle: plan.digest,
    account: plan.account,
    digest: prepared.digest,
    items: kept,
    durationMs: endedMs - startedMs,
    endedMs,
    changed: deps.describeChanges(changes) !== '',
    held: hold(deps, job, { kept, changes: applied.changes }),
    health: checked ? { kind: 'running', sinceMs: endedMs, stop: new AbortController() } : { kind: 'unchecked' },
    told: false,
    drifted: false,
  }
}

/** Follows what was applied: for drift, and so that the hub is told how it is doing, whether or not the object waits for that. */
function hold(
  deps: RunDeps,
  { object, plan }: Job,
  { changes, kept }: { readonly kept: readonly Item[]; readonly changes: readonly Change[] },
): Disposable {
  using held = new DisposableStack()
  held.use(deps.workload.hold(kept, plan.account))
  const { generation = 0, uid = '' } = object.metadata
  const fluxObjects = deps.sighted(fluxItems(changes))
  held.use(
    deps.follow(
      { object: refOf(object), uid, generation, bundle: plan.digest, fluxObjects },
      deps.describeChanges(changes) !== '',
      (changed) => deps.workload.follow(assessedItems(changes), { account: plan.account, changed, checks: healthChecks(object.spec) }),
    ),
  )
  return held.move()
}

const NOTHING_PRUNED = { remaining: [], deleted: [], failure: undefined } as const

function tellChanges({ voice, describeChanges }: RunDeps, { key, plan }: Job, changes: readonly Change[]): void {
  const message = describeChanges(changes)
  if (message !== '') voice.event(key, { severity: 'info', reason: 'Progressing', message, revision: plan.revision })
}

async function fail(
  deps: RunDeps,
  job: Job,
  failure: {
    readonly reason: FailureReason
    readonly message: string
    readonly items?: readonly Item[]
    readonly changes?: readonly Change[]
  },
  signal: AbortSignal,
): Promise<undefined> {
  const { key, object, plan } = job
  signal.throwIfAborted()
  if (failure.changes) tellChanges(deps, job, failure.changes)
  const message =
    failure.message ||
    `${formatRef({ group: '', kind: 'Kustomization', namespace: object.metadata.namespace ?? '', name: object.metadata.name })} failed`
  const inventory = failure.items ? { inventory: deps.toEntries(failure.items) } : {}
  await deps.voice.status(key, { kind: 'failed', reason: failure.reason, message, attemptedRevision: plan.revision, ...inventory }, signal)
  deps.voice.event(key, { severity: 'error', reason: failure.reason, message, revision: plan.revision })
  return undefined
}
