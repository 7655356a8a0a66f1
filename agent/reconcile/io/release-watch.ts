import { canonicalJson } from '../../../proto/base/canonical.ts'
import { sha256 } from '../../../proto/base/hash.ts'
import type { HealthChecks } from '../../../proto/model/flux/health-checks.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import { type Manifest, refOf } from '../../../proto/model/manifest.ts'
import { RELEASE_NAME_LABEL } from '../../../proto/model/names.ts'
import type { ObjectRef } from '../../../proto/model/object-ref.ts'
import type { AppliedObject } from '../../../proto/model/report.ts'
import type { Awaited, Followed } from '../../health/model.ts'
import type { ReleasedObject } from '../../helm/model.ts'
import type { ImpersonatedKube } from '../../kube/model.ts'
import type { Applied } from '../../report/model.ts'
import { healthChecks } from '../expressions.ts'
import type { ReleaseWatch, SettledRelease } from '../helm/ports.ts'

export interface ReleaseWatchDeps {
  readonly as: (account: ServiceAccountRef) => ImpersonatedKube
  readonly watches: { hold(subject: string, objects: readonly Awaited[]): Disposable }
  readonly waits: {
    follow(
      subject: string,
      objects: readonly Awaited[],
      o: { readonly changed: () => void; readonly checks?: HealthChecks | undefined },
    ): Followed
    vanished(subject: string, ref: ObjectRef): void
  }
  readonly memory: { silence(release: string): void; forget(release: string): void }
  readonly configs: { forget(key: string): void }
  /** Hears of a live object, so that nobody judges an older state. */
  readonly seen: (subject: string, live: Manifest) => void
  /** False for kinds that are Current as soon as they are there. */
  readonly canBeLate: (ref: ObjectRef) => boolean
  /** True for Flux objects, which tell of themselves. */
  readonly isFlux: (ref: ObjectRef) => boolean
  /** A Flux object as it is known to be by now; none where there is none. */
  readonly sighted: (ref: ObjectRef) => readonly AppliedObject[]
  /** Tells the hub of what was applied, until disposed; at once where that changed the cluster. */
  readonly follow: (applied: Applied, changed: boolean, watch: (news: () => void) => Followed) => Disposable
}

/**
 * Watches on the objects of releases: those that can be late always, so that the hub is told how a release does that nobody
 * waited for; the others only where their drift is looked for.
 */
export function createReleaseWatch(deps: ReleaseWatchDeps): ReleaseWatch {
  const followed = new Map<string, { readonly id: string; readonly held: Disposable }>()
  return {
    silence: (key) => deps.memory.silence(key),
    async settled(release, signal) {
      const { key } = release
      const before = followed.get(key)
      const id = idOf(release)
      if (before?.id === id && !release.isActed) return
      if (!looksForDrift(release)) deps.memory.forget(key)
      if (release.isActed) await lookAt(deps, release, signal)
      followed.set(key, { id, held: hold(deps, release) })
      before?.held[Symbol.dispose]()
    },
    forget(key) {
      deps.configs.forget(key)
      deps.memory.forget(key)
      followed.get(key)?.held[Symbol.dispose]()
      followed.delete(key)
    },
  }
}

/** Reads what Helm has just written: what watches told before says nothing of it. */
async function lookAt(deps: ReleaseWatchDeps, { account, objects }: SettledRelease, signal: AbortSignal): Promise<void> {
  const kube = deps.as(account)
  for (const { apiVersion, ref } of objects) {
    if (!deps.isFlux(ref) && !deps.canBeLate(ref)) continue
    const { kind, name, namespace } = ref
    try {
      const live = await kube.get({ apiVersion, kind, name, ...(namespace ? { namespace } : {}) }, { signal })
      if (live) deps.seen(kube.subject, live)
      else deps.waits.vanished(kube.subject, ref)
    } catch {
      // What may not be read is told of by its watch, or not at all.
      signal.throwIfAborted()
    }
  }
}

function hold(deps: ReleaseWatchDeps, release: SettledRelease): Disposable {
  const { account, bundle, isActed, object, objects } = release
  const { subject } = deps.as(account)
  const checks = healthChecks(object.spec)
  const isAssessed = (ref: ObjectRef) => checks?.covers(ref) || (!deps.isFlux(ref) && deps.canBeLate(ref))
  const assessed = objects.filter(({ isPassing, ref }) => !isPassing && isAssessed(ref))
  const drifting = looksForDrift(release)
    ? objects.filter(({ isLabelled, ref }) => isLabelled && !assessed.some((one) => one.ref === ref))
    : []
  using held = new DisposableStack()
  held.use(deps.watches.hold(subject, [...assessed, ...drifting].map(awaited)))
  const { generation = 0, uid = '' } = object.metadata
  const fluxObjects = objects.flatMap(({ ref }) => (deps.isFlux(ref) ? deps.sighted(ref) : []))
  const applied = { object: refOf(object), uid, generation, bundle, fluxObjects }
  held.use(deps.follow(applied, isActed, (changed) => deps.waits.follow(subject, assessed.map(awaited), { changed, checks })))
  return held.move()
}

function awaited({ apiVersion, isLabelled, ref }: ReleasedObject): Awaited {
  return isLabelled ? { ref, apiVersion, owned: true, label: RELEASE_NAME_LABEL } : { ref, apiVersion, owned: false }
}

function looksForDrift({ object }: SettledRelease): boolean {
  return (object.spec.driftDetection?.mode ?? 'disabled') !== 'disabled'
}

/** Digest over what is followed of a release and what the hub is told with it. */
function idOf({ account, bundle, object, objects }: SettledRelease): string {
  const { generation, uid } = object.metadata
  return sha256(canonicalJson([uid, generation, bundle, account, objects]))
}
