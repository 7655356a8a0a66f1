import type { Random } from '../../proto/base/random.ts'
import type { Kustomization } from '../../proto/model/flux/kustomize/kinds.ts'
import { REQUESTED_AT } from '../../proto/model/names.ts'
import type { Item } from '../inventory/model.ts'
import { applyRun, type RunDeps } from './apply-run.ts'
import { finalize } from './finalize.ts'
import type { View } from './ports.ts'
import { freshness, type Run } from './runs.ts'
import { intervalMs, retryMs } from './schedule.ts'
import { endRun, type Standing, type StandingDeps, startHealth, tellRun } from './standing.ts'

export type ReconcilerDeps = StandingDeps & { readonly view: View; readonly random: Random }

/** `DependencyNotReady` and a missing source are looked at again after this long even if nobody told of a change. */
const NOT_READY_MS = 30_000

/** Keeps the Kustomizations of this cluster as their sources say. */
export class Reconciler {
  readonly #deps: ReconcilerDeps
  readonly #runs = new Map<string, Run>()

  constructor(deps: ReconcilerDeps) {
    this.#deps = deps
  }

  /** What was applied for it is not as it was: the next reconcile looks at it. */
  drifted(key: string): void {
    const run = this.#runs.get(key)
    if (run) run.drifted = true
  }

  /** Ends what is kept for an object that is gone. */
  forget(key: string): void {
    const run = this.#runs.get(key)
    this.#runs.delete(key)
    if (run) endRun(run)
  }

  /** Does what is due for one Kustomization and says when to look again, in milliseconds; undefined: when something changes. */
  async reconcile(key: string, signal: AbortSignal): Promise<number | undefined> {
    const { view, voice } = this.#deps
    const object = view.kustomization(key)
    if (!object) {
      this.forget(key)
      return undefined
    }
    const plan = view.plan(object)
    switch (plan.kind) {
      case 'add-finalizer':
        await voice.finalizer(key, 'present', signal)
        return 0
      case 'finalize':
        return finalize(this.#deps, { key, object, plan, known: this.#runs.get(key)?.items ?? itemsOf(object, this.#deps) }, signal)
      case 'suspended':
        this.forget(key)
        await voice.status(key, { kind: 'suspended' }, signal)
        return undefined
      case 'waiting':
        return undefined
      case 'stalled':
        await voice.status(key, { kind: 'stalled', reason: plan.reason, message: plan.message }, signal)
        return undefined
      case 'not-ready': {
        const untilToldMs = firstMs(object, this.#deps.clock.now().getTime())
        if (plan.reason === 'ArtifactFailed' && untilToldMs > 0) return untilToldMs
        await voice.status(key, { kind: 'failed', reason: plan.reason, message: plan.message, ...attempted(plan.revision) }, signal)
        return NOT_READY_MS
      }
      case 'unbuildable':
        await voice.status(key, { kind: 'failed', reason: plan.reason, message: plan.message, ...attempted(plan.revision) }, signal)
        return retryMs(object.spec)
      case 'apply':
        return this.#apply({ key, object, plan }, signal)
      default:
        return plan satisfies never
    }
  }

  async #apply({ key, object, plan }: Standing, signal: AbortSignal): Promise<number> {
    const { workload, clock, random } = this.#deps
    const run = this.#runs.get(key)
    const state = freshness({
      run,
      generation: object.metadata.generation ?? 0,
      bundle: plan.digest,
      account: plan.account,
      requested: isRequested(object),
      nowMs: clock.now().getTime(),
      intervalMs: run?.health.kind === 'failed' ? retryMs(object.spec) : intervalMs(object.spec, random.next()) * DUE_SHARE,
      looksAtInterval: (object.spec.postBuild?.substituteFrom?.length ?? 0) > 0 || !(run && workload.isWatched(run.items, plan.account)),
    })
    if (run && state === 'kept') return tellRun(this.#deps, { key, object, plan, run }, signal)
    // An attempt that fails may have changed some of what the last run left: that one does not stand any more.
    if (run) run.drifted = true
    const next = await applyRun(this.#deps, { key, object, plan, items: run?.items ?? [] }, signal)
    if (!next) return retryMs(object.spec)
    this.forget(key)
    this.#runs.set(key, next)
    startHealth(this.#deps, { key, object, plan, run: next })
    return tellRun(this.#deps, { key, object, plan, run: next }, signal)
  }
}

/**
 * How much longer nobody is told that a new object waits for its source: an object and its source come at once, and the
 * hub has the source a moment later. Telling of it would be a third of the requests of a first sync that no one reads.
 */
function firstMs({ metadata }: Kustomization, nowMs: number): number {
  const ageMs = nowMs - Date.parse(metadata.creationTimestamp ?? '')
  // Outside of this the clocks of agent and API server differ.
  return ageMs > -FIRST_MS && ageMs < FIRST_MS ? Math.min(FIRST_MS - ageMs, FIRST_MS) : 0
}
const FIRST_MS = 5_000

/** A run that ended this share of an interval ago is due: timers are not exact. */
const DUE_SHARE = 0.9

function attempted(revision: string | undefined): { readonly attemptedRevision?: string } {
  return revision === undefined ? {} : { attemptedRevision: revision }
}

function itemsOf(object: Kustomization, { fromEntries }: RunDeps): readonly Item[] {
  return fromEntries(object.status.inventory?.entries ?? [])
}

function isRequested({ metadata, status }: Kustomization): boolean {
  const at = metadata.annotations?.[REQUESTED_AT]
  return at !== undefined && at !== status.lastHandledReconcileAt
}
