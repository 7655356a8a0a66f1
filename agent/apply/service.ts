import { FleetError } from '../../proto/base/errors.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { formatRef, versionOf } from '../../proto/model/object-ref.ts'
import type { Owner } from '../drift/model.ts'
import { refused, together } from './classify.ts'
import { each } from './each.ts'
import { examine } from './examine.ts'
import type { Action, Applied, Change } from './model.ts'
import { normalize, withOwner, withoutNamespace } from './normalize.ts'
import type { Given, Plan } from './plan.ts'
import type { ApplyCluster, Comparison, ComputeHealth, Memory, Outcome } from './ports.ts'
import { byKind, stagesOf } from './stages.ts'

export interface ApplyDeps {
  readonly rules: Comparison
  readonly memory: Memory
  readonly health: ComputeHealth
  /** Hears of each live object that was written, so that nobody judges an older state. */
  readonly written?: (subject: string, live: Manifest) => void
  /** Requests of one run at a time, default 4 as Flux's --concurrent-ssa. */
  readonly concurrency?: number
  /** `group/kind` of the third stage. */
  readonly earlyKinds?: readonly string[]
}

export interface ApplyOptions {
  /** The cluster under the identity in whose name this is applied. */
  readonly cluster: ApplyCluster
  readonly owner: Owner
  readonly force: boolean
  readonly signal: AbortSignal
  /** Objects that are kept in the inventory but not touched. */
  readonly leaveAlone?: (object: Manifest) => boolean
}

/**
 * Brings objects to the cluster: staged, dry-run before applied, owner labels set, unchanged ones left alone.
 * Never throws but for the signal's reason: a failure is in the result, beside the changes up to it.
 */
export type Apply = (objects: readonly Manifest[], options: ApplyOptions) => Promise<Applied>

const STAGE_WAIT_MS = 60_000

/** The apply engine. Source: Flux, kustomize-controller. */
export function createApply(deps: ApplyDeps): Apply {
  return async (objects, options) => {
    const changes: Change[] = []
    const owned = objects.map((object) => normalize(withOwner(object, options.owner)))
    using _run = deps.memory.during(options.cluster.subject, owned.map(refOf))
    try {
      const stages = stagesOf(owned, deps.earlyKinds)
      for (const [index, stage] of stages.entries()) {
        options.signal.throwIfAborted()
        const applied = await applyStage(deps, { stage, options, changes })
        if (index < stages.length - 1) await settle(deps, applied, options)
      }
      return { changes }
    } catch (error) {
      options.signal.throwIfAborted()
      return { changes, failure: FleetError.from(error, 'apply') }
    }
  }
}

interface StageRun {
  readonly stage: readonly Manifest[]
  readonly options: ApplyOptions
  /** Added to as objects are done, so that a failure leaves the list of what was. */
  readonly changes: Change[]
}

interface Planned extends Given {
  readonly plan: Plan
}

/** Plans a whole stage, and only if nothing in it is refused, carries it out. Gives the live objects it wrote. */
async function applyStage(deps: ApplyDeps, { stage, options, changes }: StageRun): Promise<readonly Manifest[]> {
  const { cluster, signal } = options
  const scoped = await each(stage, deps.concurrency ?? 4, (object) => inScope(object, options))
  const planned = await each(scoped, deps.concurrency ?? 4, async (desired): Promise<Planned> => {
    const hash = deps.rules.desiredHash(desired)
    const ref = refOf(desired)
    const known = deps.memory.known(cluster.subject, ref)
    const given: Given = { desired, hash, known, remembered: deps.memory.remembered(cluster.subject, ref), force: options.force }
    if (options.leaveAlone?.(desired)) return { ...given, plan: { kind: 'skip' } }
    return { ...given, plan: await examine(given, { cluster, rules: deps.rules, signal }) }
  })
  const errors = planned.flatMap(({ desired, plan }) => (plan.kind === 'refuse' ? [refused(desired, 'dry-run', plan.why)] : []))
  if (errors.length > 0) throw together(errors)
  const byObject = new Map(planned.map((one) => [one.desired, one]))
  const written: Manifest[] = []
  for (const group of byKind(scoped))
    await each(group, deps.concurrency ?? 4, async (desired) => {
      const one = byObject.get(desired)
      if (!one) return
      signal.throwIfAborted()
      const { action, live } = await carryOut(one, options)
      if (live) deps.memory.record(cluster.subject, { desired: one.hash, live })
      if (live && action !== 'unchanged') {
        written.push(live)
        deps.written?.(cluster.subject, live)
      }
      changes.push({ ref: refOf(desired), version: versionOf(desired.apiVersion), action })
    })
  return written
}

async function carryOut({ desired, plan }: Planned, options: ApplyOptions): Promise<{ action: Action; live?: Manifest }> {
  const { cluster, signal } = options
  switch (plan.kind) {
    case 'skip':
      return { action: 'skipped' }
    case 'unchanged':
      return { action: 'unchanged', ...(plan.live ? { live: plan.live } : {}) }
    case 'apply':
      if (plan.handOver.length > 0) done(desired, await cluster.patch(desired, plan.handOver, signal))
      return { action: plan.action, live: done(desired, await cluster.apply(desired, signal)) }
    case 'recreate':
      await cluster.replace(plan.live, { signal, timeoutMs: STAGE_WAIT_MS })
      return { action: 'created', live: done(desired, await cluster.apply(desired, signal)) }
    case 'refuse':
      throw refused(desired, 'dry-run', plan.why)
    default:
      return plan satisfies never
  }
}

/** The object with a namespace exactly where its kind has one. */
async function inScope(object: Manifest, { cluster, signal }: ApplyOptions): Promise<Manifest> {
  switch (await cluster.scopeOf(object, signal)) {
    case 'cluster':
      return object.metadata.namespace ? withoutNamespace(object) : object
    case 'namespaced':
      if (object.metadata.namespace) return object
      throw new FleetError('invalid', `${formatRef(refOf(object))} namespace not specified: set metadata.namespace or spec.targetNamespace`)
    case 'unserved': {
      const message = `no matches for kind "${object.kind}" in version "${object.apiVersion}"`
      throw refused(object, 'dry-run', { code: 'not-found', reason: '', message })
    }
  }
}

/** Waits until what a stage wrote can be built upon. */
async function settle(deps: ApplyDeps, written: readonly Manifest[], { cluster, signal }: ApplyOptions): Promise<void> {
  const wait = { signal, timeoutMs: STAGE_WAIT_MS }
  const isCurrent = (live: Manifest) => deps.health(live).status === 'Current'
  await Promise.all(
    written.map(async (object) => {
      if (!isCurrent(object)) await cluster.settled(object, isCurrent, wait)
      if (object.kind === 'CustomResourceDefinition') await cluster.served(object, wait)
    }),
  )
}

function done(object: Manifest, outcome: Outcome): Manifest {
  if (outcome.kind === 'refused') throw refused(object, 'apply', outcome.why)
  return outcome.object
}
