import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { ReleaseDiff } from '../../../proto/model/diff.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import { refOf } from '../../../proto/model/manifest.ts'
import { REQUESTED_AT } from '../../../proto/model/names.ts'
import { formatRef } from '../../../proto/model/object-ref.ts'
import type { HelmPlan } from '../helm/model.ts'
import type { FoundChart, NextStatus, Outcome, Releases } from '../helm/ports.ts'
import { createHide, type Hide } from './hide.ts'
import { notesOn } from './notes.ts'
import type { Compared, CompareRelease, Previewed, PreviewRelease } from './ports.ts'
import { presented } from './present.ts'
import { releasePlan } from './relaxed.ts'
import { secretTexts } from './secrets.ts'

export interface ReleaseDiffDeps<Chart extends FoundChart = FoundChart> {
  readonly plan: (object: HelmRelease) => HelmPlan
  readonly releases: Pick<Releases<Chart>, 'attempt' | 'chart' | 'forces' | 'values'>
  readonly preview: PreviewRelease<Chart>
  readonly compare: CompareRelease
  readonly status: NextStatus
  /** Why nothing is reconciled in this cluster; undefined where it is. */
  readonly held: () => string | undefined
  readonly clock: Clock
}

/**
 * What a reconcile of a HelmRelease would change now. Nothing is written; everything is read and tried as the account that
 * releases. @throws `invalid` with the reason where there is nothing to compare, `unavailable` where there is not yet
 */
export async function diffRelease<Chart extends FoundChart>(
  deps: ReleaseDiffDeps<Chart>,
  object: HelmRelease,
  signal: AbortSignal,
): Promise<ReleaseDiff> {
  const { releases } = deps
  const attempted = `diff ${formatRef(refOf(object))}`
  const { held, plan } = releasePlan(object, deps.plan)
  if ('problem' in plan)
    throw new FleetError(plan.isLasting ? 'invalid' : 'unavailable', `${attempted}: ${[plan.problem, ...held].join('; ')}`)
  const { account } = plan
  const merged = good(await releases.values(object, { account, signal }), attempted)
  const { chart } = good(await releases.chart({ ...plan, isOci: plan.source.kind === 'OCIRepository', signal }), attempted)
  const job = { account, chart, ...merged, isForced: releases.forces(object), signal }
  const preview = await deps.preview({ ...job, object: attempting(deps, { object, chart, values: merged.values }) })
  const open = await openValues(deps, object, { account, signal })
  const secrets = { values: merged.values, open, before: [], objects: [] }
  if ('problem' in preview)
    throw new FleetError('invalid', createHide(secretTexts({ ...secrets, told: merged.secrets })).text(`${attempted}: ${preview.problem}`))
  const compared = await compare(deps, { object, preview, account }, signal)
  const why = [deps.held(), ...held, preview.held].filter((one) => one !== undefined)
  const read = [...merged.secrets, ...preview.lookedUp]
  const hide = createHide(secretTexts({ ...secrets, told: read, before: preview.configs, objects: objectsIn(compared) }))
  return told({ object, preview, compared, held: why.join('; '), hide })
}

/** A failed attempt of something else does not count: the decision is made on the status that an attempt begins with. */
function attempting<Chart extends FoundChart>(
  { clock, releases, status }: ReleaseDiffDeps<Chart>,
  { chart, object, values }: { readonly object: HelmRelease; readonly chart: Chart; readonly values: Readonly<Record<string, unknown>> },
): HelmRelease {
  const requestedAt = object.metadata.annotations?.[REQUESTED_AT]
  const at = { generation: object.metadata.generation ?? 0, now: clock.now(), ...(requestedAt === undefined ? {} : { requestedAt }) }
  return { ...object, status: status(object.status, { kind: 'attempting', attempt: releases.attempt(object, chart, values) }, at) }
}

/** The values without what Secrets give; none where they cannot be told apart: then all are secret. */
async function openValues(
  { releases }: Pick<ReleaseDiffDeps, 'releases'>,
  object: HelmRelease,
  as: { readonly account: ServiceAccountRef; readonly signal: AbortSignal },
): Promise<Readonly<Record<string, unknown>>> {
  const valuesFrom = (object.spec.valuesFrom ?? []).filter(({ kind }) => kind !== 'Secret')
  const merged = await releases.values({ ...object, spec: { ...object.spec, valuesFrom } }, as)
  return 'problem' in merged ? {} : merged.values
}

async function compare<Chart extends FoundChart>(
  deps: ReleaseDiffDeps<Chart>,
  { account, object, preview }: { readonly object: HelmRelease; readonly preview: Previewed; readonly account: ServiceAccountRef },
  signal: AbortSignal,
): Promise<readonly Compared[]> {
  const { from, step, to } = preview
  if (!to) return []
  const isInOrder = step === 'nothing' || step === 'test'
  const ignore = isInOrder ? (object.spec.driftDetection?.ignore ?? []) : undefined
  return deps.compare({ to, from, replaces: step === 'reinstall', ignore, account, signal })
}

function told({
  compared,
  held,
  hide,
  object,
  preview,
}: {
  readonly object: HelmRelease
  readonly preview: Previewed
  readonly compared: readonly Compared[]
  readonly held: string
  readonly hide: Hide
}): ReleaseDiff {
  const { chart, from, reason, step, to } = preview
  const { notes, ...objects } = presented(compared, hide)
  const release = to ?? from
  return {
    kind: 'HelmReleaseDiff',
    metadata: { name: object.metadata.name, namespace: object.metadata.namespace ?? '' },
    release: { name: release ? `${release.namespace}/${release.name}` : '', ...(from ? { version: from.version } : {}) },
    step,
    reason,
    ...(held === '' ? {} : { held: hide.text(held) }),
    chart: { ...(from ? { from: `${from.chart.name}@${from.chart.version}` } : {}), ...(chart === '' ? {} : { to: chart }) },
    ...objects,
    notes: [...notesOn({ object, preview, isDifferent: objects.objects.length > 0 }).map(hide.text), ...notes],
  }
}

function objectsIn(compared: readonly Compared[]) {
  return compared.flatMap(({ live, object, wanted }) => [object, live, wanted].filter((one) => one !== undefined))
}

function good<T extends object>(outcome: Outcome<T>, attempted: string): T {
  if ('problem' in outcome) throw new FleetError('invalid', `${attempted}: ${outcome.problem}`)
  return outcome
}
