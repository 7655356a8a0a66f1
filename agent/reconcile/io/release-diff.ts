import { FleetError } from '../../../proto/base/errors.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import { type Manifest, refOf } from '../../../proto/model/manifest.ts'
import { HELM_MANAGER } from '../../../proto/model/names.ts'
import { refKey } from '../../../proto/model/object-ref.ts'
import { type KubeStatus, statusOf } from '../../kube/classify.ts'
import type { ImpersonatedKube } from '../../kube/model.ts'
import type { Compared, CompareRelease } from '../diff/ports.ts'
import { isLeftAlone, marked, placeOf, type ReleaseDriftDeps, type ReleaseObjects } from './release-drift.ts'

export interface ReleaseDiffDeps extends Pick<ReleaseDriftDeps, 'normalize' | 'differences' | 'withoutIgnored'> {
  readonly as: (account: ServiceAccountRef) => ImpersonatedKube
  readonly of: ReleaseObjects['of']
  /** Runs the work for each item, a few at a time. */
  readonly each: <T, R>(items: readonly T[], concurrency: number, work: (item: T) => Promise<R>) => Promise<R[]>
  /** The sentence for what the API server does not take. */
  readonly tell: (object: Manifest, why: { readonly error: FleetError; readonly status: KubeStatus }) => string
}

const AT_ONCE = 4
const KEEP = 'helm.sh/resource-policy'

/** Compares what would be released with the cluster, object by object, by dry-runs as the account that releases. */
export function createReleaseDiff(deps: ReleaseDiffDeps): CompareRelease {
  return async ({ from, replaces, to, ...o }) => {
    const kube = deps.as(o.account)
    const [wanted, held] = [await deps.of(to, o), from && from.manifest !== to.manifest ? await deps.of(from, o) : []]
    const [keys, heldKeys] = [new Set(wanted.map(keyOf)), new Set(held.map(keyOf))]
    const stays = await deps.each(wanted, AT_ONCE, async (one): Promise<Compared> => {
      const object = marked(deps.normalize(one), to)
      if (replaces && heldKeys.has(keyOf(one))) return { object, what: 'recreated' }
      return tried(deps, object, () => compare(deps, kube, { object, ...o }))
    })
    const goes = await deps.each(
      held.filter((one) => !keys.has(keyOf(one))),
      AT_ONCE,
      (object) => tried(deps, object, () => gone(kube, object, o.signal)),
    )
    return [...stays, ...goes]
  }
}

type Comparing = Pick<Parameters<CompareRelease>[0], 'ignore' | 'signal'> & { readonly object: Manifest }

async function compare(deps: ReleaseDiffDeps, kube: ImpersonatedKube, { ignore, object, signal }: Comparing): Promise<Compared> {
  if (ignore && isLeftAlone(object)) return { object, what: 'same' }
  const place = placeOf(object)
  if (!(await kube.discovery.resolve(object.apiVersion, object.kind, signal)))
    return { object, what: 'created', message: `its kind is not served yet: ${object.kind} in ${object.apiVersion}` }
  const live = await kube.get(place, { signal })
  const dryRun = () => kube.apply(object, { fieldManager: HELM_MANAGER, force: true, dryRun: true, signal })
  if (!live) {
    await dryRun().catch(unlessMissing)
    return { object, what: 'created' }
  }
  if (ignore && isLeftAlone(live)) return { object, what: 'same', live }
  const wanted = await dryRun()
  const paths = deps.withoutIgnored(object, deps.differences(live, wanted), ignore ?? [])
  return { object, what: paths.length === 0 ? 'same' : 'changed', live, wanted, paths }
}

/** A namespace that is not there yet is made by somebody before. */
function unlessMissing(error: unknown): void {
  if (!(error instanceof FleetError) || error.code !== 'not-found') throw error
}

async function gone(kube: ImpersonatedKube, object: Manifest, signal: AbortSignal): Promise<Compared> {
  const isServed = await kube.discovery.resolve(object.apiVersion, object.kind, signal)
  const live = isServed && (await kube.get(placeOf(object), { signal }))
  const isKept = [object, live].some((one) => one?.metadata.annotations?.[KEEP] === 'keep')
  return live && !isKept ? { object, what: 'deleted', live } : { object, what: 'same' }
}

/** What the API server refuses is told of the object; a server that is not well ends it all. */
async function tried(deps: ReleaseDiffDeps, object: Manifest, work: () => Promise<Compared>): Promise<Compared> {
  try {
    return await work()
  } catch (error) {
    const status = statusOf(error)
    if (!(error instanceof FleetError) || !status || [429, 502, 503, 504].includes(status.code)) throw error
    return { object, what: 'refused', message: deps.tell(object, { error, status }) }
  }
}

function keyOf(object: Manifest): string {
  return refKey(refOf(object))
}
