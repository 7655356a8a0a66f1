import type { Clock } from '../../../proto/base/clock.ts'
import { messageOf } from '../../../proto/base/errors.ts'
import type { Random } from '../../../proto/base/random.ts'
import type { Rest } from '../../../proto/base/work-queue.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import { REQUESTED_AT } from '../../../proto/model/names.ts'
import { intervalMs } from '../schedule.ts'
import { chartObject, isInPlace, staleChart } from './chart-object.ts'
import { farewell } from './farewell.ts'
import type { HelmPlan } from './model.ts'
import type { ChartDesk, FoundChart, Ground, HelmView, HelmVoice, NextStatus, Releases, ReleaseWatch } from './ports.ts'
import { isKept, type Run } from './runs.ts'
import { createSpeaker, type Speaker } from './speaker.ts'

export interface HelmReconcilerDeps<Chart extends FoundChart = FoundChart> {
  readonly view: HelmView
  readonly voice: HelmVoice
  readonly status: NextStatus
  readonly charts: ChartDesk
  readonly releases: Releases<Chart>
  readonly ground: Ground
  readonly watch: ReleaseWatch
  readonly clock: Clock
  readonly random: Random
}

interface Reconciling {
  readonly key: string
  readonly speaker: Speaker
  readonly rest: Rest
}

/** A missing source or dependency is looked at again after this long even if nobody told of a change. */
const NOT_READY_MS = 30_000

/** Keeps the HelmReleases of this cluster as their charts and values say. */
export class HelmReconciler<Chart extends FoundChart> {
  readonly #deps: HelmReconcilerDeps<Chart>
  readonly #runs = new Map<string, Run>()
  /** When releases are to be looked at though their time has not come. */
  readonly #woken = new Map<string, number>()

  constructor(deps: HelmReconcilerDeps<Chart>) {
    this.#deps = deps
  }

  /** What a release holds, or takes its values from, is not as it was: it is looked at after so long. */
  wake(key: string, waitMs: number): void {
    const dueMs = this.#deps.clock.now().getTime() + waitMs
    this.#woken.set(key, Math.min(this.#woken.get(key) ?? dueMs, dueMs))
  }

  /** Ends what is kept for an object that is gone, or that somebody else looks after. */
  forget(key: string): void {
    this.#runs.delete(key)
    this.#woken.delete(key)
    this.#deps.watch.forget(key)
  }

  /** Does what is due for one HelmRelease and says when to look again, in milliseconds; undefined: when something changes. */
  async reconcile(key: string, signal: AbortSignal, rest: Rest): Promise<number | undefined> {
    const { view, voice } = this.#deps
    const object = view.release(key)
    if (!object) {
      this.forget(key)
      return undefined
    }
    const plan = view.plan(object)
    const speaker = createSpeaker(this.#deps, { key, object, signal })
    switch (plan.kind) {
      case 'add-finalizer':
        await voice.finalizer(key, 'present', signal)
        return 0
      case 'finalize':
        this.forget(key)
        return farewell(this.#deps, { key, object, plan, speaker }, signal)
      case 'suspended':
        this.forget(key)
        await speaker.say({ kind: 'suspended' })
        return undefined
      case 'stalled':
        this.forget(key)
        await speaker.say({ kind: 'stalled', reason: plan.reason, message: plan.message })
        return undefined
      default:
        return (await this.#chart(speaker, signal)) ?? this.#follow(plan, { key, speaker, rest }, signal)
    }
  }

  /** Puts the HelmChart in place. @returns when to look again where it is not */
  async #chart(speaker: Speaker, signal: AbortSignal): Promise<number | undefined> {
    const { charts, view } = this.#deps
    const wanted = chartObject(speaker.object)
    const stale = staleChart(speaker.object, wanted)
    const removed = stale && (await charts.remove(stale, signal))
    if (removed !== undefined)
      return speaker.fail('ArtifactFailed', `failed to delete HelmChart '${stale?.namespace}/${stale?.name}': ${removed}`)
    if (!wanted) {
      if (stale) await speaker.chart(undefined)
      return undefined
    }
    const { name, namespace = '' } = wanted.metadata
    const live = view.chart({ group: 'source.toolkit.fluxcd.io', kind: wanted.kind, namespace, name })
    const problem = isInPlace(live, wanted) ? undefined : await charts.put(wanted, signal)
    if (problem !== undefined) return speaker.fail('ArtifactFailed', `failed to run server-side apply: ${problem}`)
    await speaker.chart(`${namespace}/${name}`)
    return undefined
  }

  async #follow(
    plan: Extract<HelmPlan, { kind: 'waiting' | 'not-ready' | 'no-chart' | 'release' }>,
    { key, rest, speaker }: Reconciling,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    switch (plan.kind) {
      case 'waiting':
        return undefined
      case 'not-ready': {
        const waitMs = firstMs(speaker.object, this.#deps.clock.now().getTime())
        if (plan.reason === 'SourceNotReady' && waitMs > 0) return waitMs
        this.#runs.delete(key)
        await speaker.fail(plan.reason, plan.message)
        return NOT_READY_MS
      }
      case 'no-chart':
        return speaker.fail(plan.reason, plan.message)
      case 'release':
        return this.#release(plan, { key, speaker, rest }, signal)
      default:
        return plan satisfies never
    }
  }

  async #release(
    plan: Extract<HelmPlan, { kind: 'release' }>,
    { key, rest, speaker }: Reconciling,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { clock, random, watch } = this.#deps
    const { metadata, spec } = speaker.object
    const nowMs = clock.now().getTime()
    const run = this.#runs.get(key)
    const next = run && { ...run, dueMs: this.#dueMs(key, run) }
    if (next && !isRequested(speaker.object) && isKept(next, { generation: metadata.generation ?? 0, plan, nowMs }))
      return next.dueMs - nowMs
    this.#woken.delete(key)
    watch.silence(key)
    const afterMs = await this.#attempt(plan, { key, speaker, rest }, signal)
    const ended: Run = {
      generation: metadata.generation ?? 0,
      plan,
      dueMs: clock.now().getTime() + (afterMs ?? intervalMs(spec, random.next())),
    }
    this.#runs.set(key, ended)
    return Math.max(0, this.#dueMs(key, ended) - clock.now().getTime())
  }

  #dueMs(key: string, { dueMs }: Run): number {
    return Math.min(dueMs, this.#woken.get(key) ?? dueMs)
  }

  /** @returns when to try again; undefined where it is as it should be, or where trying again does not help */
  async #attempt(
    plan: Extract<HelmPlan, { kind: 'release' }>,
    { key, rest, speaker }: Reconciling,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { releases, watch } = this.#deps
    const { account } = plan
    const before = newest(speaker.object)
    try {
      const merged = await releases.values(speaker.object, { account, signal })
      if ('problem' in merged) return speaker.fail(merged.reason, merged.problem)
      const found = await releases.chart({ ...plan, isOci: plan.source.kind === 'OCIRepository', signal })
      if ('problem' in found) return speaker.fail(found.reason, found.problem)
      const { chart } = found
      const { secrets, values } = merged
      speaker.about({ revision: chart.version, appVersion: chart.appVersion, ...(chart.ociDigest ? { ociDigest: chart.ociDigest } : {}) })
      if (releases.targetChange(speaker.object, chart.name))
        return (await releases.leave({ object: speaker.object, account, voice: speaker, signal })) ? 0 : RETRY_MS
      const isForced = releases.forces(speaker.object)
      const attempt = releases.attempt(speaker.object, chart, values)
      speaker.about({ token: attempt.configDigest })
      speaker.note({ kind: 'attempting', attempt })
      const job = { object: speaker.object, account, chart, values, secrets, voice: speaker, isForced, signal, rest }
      const ended = await releases.release(job)
      await speaker.written()
      if (ended.kind === 'settled') {
        const { object } = speaker
        const isActed = newest(object) !== before
        await watch.settled({ key, object, account, bundle: plan.digest, objects: ended.objects, isActed }, signal)
      }
      return ended.kind === 'again' ? ended.afterMs : undefined
    } catch (error) {
      signal.throwIfAborted()
      return speaker.fail('StateError', `Could not determine release state: ${messageOf(error)}`)
    }
  }
}

const RETRY_MS = 10_000

/** How much longer nobody is told that a new object waits for its chart: both come at once, and the hub has it a moment later. */
function firstMs({ metadata }: HelmRelease, nowMs: number): number {
  const ageMs = nowMs - Date.parse(metadata.creationTimestamp ?? '')
  // Outside of this the clocks of agent and API server differ.
  return ageMs > -FIRST_MS && ageMs < FIRST_MS ? Math.min(FIRST_MS - ageMs, FIRST_MS) : 0
}
const FIRST_MS = 5_000

/** What was released last, as text. */
function newest({ status }: HelmRelease): string {
  const [snapshot] = status.history ?? []
  return snapshot ? `${snapshot.version} ${snapshot.lastDeployed}` : ''
}

function isRequested({ metadata, status }: HelmRelease): boolean {
  const at = metadata.annotations?.[REQUESTED_AT]
  return at !== undefined && at !== status.lastHandledReconcileAt
}
