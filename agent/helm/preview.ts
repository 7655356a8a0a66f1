import type { StoredRelease } from '../../proto/helm/stored.ts'
import type { ReleaseStep } from '../../proto/model/diff.ts'
import type { HelmRelease } from '../../proto/model/flux/helm/kinds.ts'
import type { ServiceAccountRef } from '../../proto/model/identities.ts'
import { errorOf } from './action/carry-out.ts'
import { postRender, templateRequest } from './action/request.ts'
import { targetChange } from './decision/attempt.ts'
import { nextAction } from './decision/decide.ts'
import { releaseState } from './decision/state.ts'
import type { ReleaseTarget, Values } from './model.ts'
import { releaseTarget } from './names.ts'
import type { Helm, ReadyChart } from './ports.ts'
import { latest } from './snapshot/history.ts'

/** A manifest, and where its release is. */
interface Released {
  readonly name: string
  readonly namespace: string
  readonly manifest: string
}

interface Hook {
  readonly name: string
  readonly events: readonly string[]
}

/** What a reconcile would do with a release now. */
export interface Preview {
  readonly step: ReleaseStep
  readonly reason: string
  /** Why it is not done although it is next. */
  readonly held?: string
  /** Values of every version in Helm's storage: objects in the cluster may hold some of each. */
  readonly configs: readonly Values[]
  /** The release whose objects are in the cluster. */
  readonly from: StoredRelease | undefined
  /** What would be released; undefined where only Helm's storage changes. */
  readonly to: Released | undefined
  /** `name@version` of what would be released. */
  readonly chart: string
  readonly hooks: readonly Hook[]
  /** Texts out of Secrets that templates have looked up. */
  readonly lookedUp: readonly string[]
  /** CustomResourceDefinitions that are brought first: created, or replaced too. */
  readonly crds: { readonly names: readonly string[]; readonly are: 'created' | 'replaced' }
}

export interface PreviewJob {
  /** The object as it is when the attempt begins. */
  readonly object: HelmRelease
  readonly account: ServiceAccountRef
  readonly chart: ReadyChart
  readonly values: Values
  readonly secrets: readonly string[]
  readonly isForced: boolean
  readonly deadlineMs: number
  readonly signal: AbortSignal
}

const FAILED = 'the last release failed'

type Deps = { readonly helm: Pick<Helm, 'history' | 'run'> }
type Previewed = Preview | { readonly problem: string }

/** Finds out what is next for a release, and renders it where that is a new one. Helm's storage is only read. */
export async function preview(deps: Deps, job: PreviewJob): Promise<Previewed> {
  const { chart, isForced, object, values } = job
  const change = targetChange(object, chart.name)
  if (change) return reinstalled(deps, job, change)
  const target = releaseTarget(object)
  const storage = await deps.helm.history(target, job)
  const [stored] = storage
  const state = releaseState({ object, stored, chart, values })
  const next = nextAction({ object, state, storage, isForced })
  const reason = state.kind === 'failed' ? state.reason || FAILED : 'reason' in state ? state.reason : ''
  const configs = storage.map(({ config }) => config)
  const alone = { configs, hooks: [], lookedUp: [], crds: { names: [], are: 'created' } } as const
  const there = stored?.info.status === 'uninstalled' ? undefined : stored
  switch (next.kind) {
    case 'nothing':
    case 'test':
      return { ...alone, step: next.kind, reason, from: there, to: there, chart: named(there?.chart ?? chart) }
    case 'unlock':
      return { ...alone, step: 'unlock', reason, from: there, to: undefined, chart: named(chart) }
    case 'rollback': {
      const to = storage.find(({ version }) => version === next.to)
      return { ...alone, step: 'rollback', reason: FAILED, from: there, to, chart: to ? named(to.chart) : '' }
    }
    case 'uninstall':
      return { ...alone, step: 'uninstall', reason: FAILED, from: there, to: { ...target, manifest: '' }, chart: '' }
    case 'install':
    case 'upgrade':
    case 'stalled': {
      const step = next.kind === 'stalled' ? (there ? 'upgrade' : 'install') : next.kind
      const from = storage.find(({ info }) => info.status === 'deployed') ?? there
      const why = isForced && reason === '' ? 'a release action was asked for' : reason
      const held = next.kind === 'stalled' ? { held: next.message } : {}
      return rendered(deps, job, { action: step, step, reason: why, configs, from, ...held })
    }
    default:
      return next satisfies never
  }
}

/** The release of another name or place is taken away first, and what follows is an install. */
async function reinstalled(deps: Deps, job: PreviewJob, change: string): Promise<Previewed> {
  const { history = [], storageNamespace = '' } = job.object.status
  const now = latest(history)
  const old: ReleaseTarget = { name: now?.name ?? '', namespace: now?.namespace ?? '', storageNamespace }
  const storage = await deps.helm.history(old, job)
  const configs = storage.map(({ config }) => config)
  return rendered(deps, job, { action: 'install', step: 'reinstall', reason: `${change} has changed`, configs, from: storage[0] })
}

async function rendered(
  { helm }: Deps,
  job: PreviewJob,
  { action, ...found }: Pick<Preview, 'step' | 'reason' | 'held' | 'configs' | 'from'> & { readonly action: 'install' | 'upgrade' },
): Promise<Previewed> {
  const { account, chart, deadlineMs, object, secrets, signal, values } = job
  const target = releaseTarget(object)
  await using onDisk = await chart.onDisk()
  const input = { chart: { path: onDisk.path, version: chart.version }, values, secrets, postRender: postRender(object) }
  const outcome = await helm.run(templateRequest(action, { spec: object.spec, target, input }), { account, deadlineMs, signal })
  const error = errorOf(outcome)
  const made = outcome.kind === 'done' ? outcome.answer.rendered : undefined
  if (error !== undefined || !made) return { problem: `Helm cannot ${action} it: ${error ?? 'nothing was rendered'}` }
  const isRun = ({ events }: Hook) => !object.spec[action]?.disableHooks && events.some((event) => event.endsWith(`-${action}`))
  const { name, namespace } = target
  const to = { name, namespace, manifest: made.manifest }
  return { ...found, to, chart: named(chart), hooks: made.hooks.filter(isRun), lookedUp: made.secrets ?? [], crds: crdsOf(job, action) }
}

function crdsOf({ chart, object: { spec } }: PreviewJob, action: 'install' | 'upgrade'): Preview['crds'] {
  const given = spec[action]?.crds ?? (action === 'install' && !spec.install?.skipCRDs ? 'Create' : 'Skip')
  const names = chart.crds.map(({ id }) => id.split('_')[1] ?? '')
  return { names: given === 'Skip' ? [] : names, are: given === 'CreateReplace' ? 'replaced' : 'created' }
}

function named({ name, version }: Pick<ReadyChart, 'name' | 'version'>): string {
  return `${name}@${version}`
}
