import { FleetError, messageOf } from '../../../proto/base/errors.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import { labelOrAnnotation, type Manifest, refOf } from '../../../proto/model/manifest.ts'
import { DRIFT_SWITCH, HELM_MANAGER } from '../../../proto/model/names.ts'
import { formatRef } from '../../../proto/model/object-ref.ts'
import type { PatchStep } from '../../drift/model.ts'
import type { ImpersonatedKube, ObjectAt } from '../../kube/model.ts'

type Rules = NonNullable<NonNullable<HelmRelease['spec']['driftDetection']>['ignore']>

export interface ReleaseDriftDeps {
  readonly as: (account: ServiceAccountRef) => ImpersonatedKube
  /** The objects of a manifest, or what in it is none. */
  readonly read: (manifest: string) => { readonly objects: readonly Manifest[] } | { readonly problem: string }
  readonly normalize: (object: Manifest) => Manifest
  readonly differences: (live: Manifest, dryRun: Manifest) => readonly string[]
  readonly withoutIgnored: (object: Manifest, found: readonly string[], rules: Rules) => readonly string[]
  readonly correction: (live: Manifest, wanted: Manifest, paths: readonly string[]) => readonly PatchStep[]
}

interface Looking {
  readonly account: ServiceAccountRef
  readonly object: HelmRelease
  readonly corrects: boolean
  readonly signal: AbortSignal
}

/** What became of the objects of a release. */
interface Found {
  readonly found: string[]
  readonly corrected: string[]
  readonly failures: string[]
}

interface Released {
  readonly name: string
  readonly manifest: string
  readonly namespace: string
}

/** The objects of releases as the cluster has them. */
export interface ReleaseObjects {
  /** Those of a manifest, each with a namespace exactly where its kind has one. */
  of(release: Released, o: { readonly account: ServiceAccountRef; readonly signal: AbortSignal }): Promise<readonly Manifest[]>
  /** What is not as it was released; put back with `corrects`. All are tried, whatever becomes of one. */
  look(release: Released, o: Looking): Promise<Found>
}

export function createReleaseObjects(deps: ReleaseDriftDeps): ReleaseObjects {
  const of: ReleaseObjects['of'] = async ({ manifest, namespace }, { account, signal }) => {
    const read = deps.read(manifest)
    if ('problem' in read) throw new FleetError('invalid', `read the release's manifest: ${read.problem}`)
    const { discovery } = deps.as(account)
    const objects: Manifest[] = []
    for (const object of read.objects) {
      const resource = await discovery.resolve(object.apiVersion, object.kind, signal)
      const { namespace: own, ...metadata } = object.metadata
      const isNamespaced = resource?.namespaced ?? own !== undefined
      objects.push({ ...object, metadata: isNamespaced ? { ...metadata, namespace: own ?? namespace } : metadata })
    }
    return objects
  }
  return {
    of,
    async look(release, o) {
      const out: Found = { found: [], corrected: [], failures: [] }
      for (const object of await of(release, o)) {
        o.signal.throwIfAborted()
        if (isLeftAlone(object)) continue
        try {
          await lookAt(deps, { object: marked(deps.normalize(object), release), looking: o, out })
        } catch (error) {
          o.signal.throwIfAborted()
          out.failures.push(messageOf(error))
        }
      }
      if (out.found.length === 0 && out.failures.length > 0)
        throw new FleetError('unavailable', `unable to determine cluster state: ${out.failures.join('\n')}`)
      return out
    },
  }
}

async function lookAt(
  deps: ReleaseDriftDeps,
  { object, looking, out }: { readonly object: Manifest; readonly looking: Looking; readonly out: Found },
): Promise<void> {
  const { account, corrects, signal } = looking
  const kube = deps.as(account)
  const place = placeOf(object)
  const name = formatRef(refOf(object))
  const live = await kube.get(place, { signal })
  if (!live) {
    out.found.push(`${name} removed`)
    if (!corrects) return
    await kube.apply(object, { fieldManager: HELM_MANAGER, force: true, signal })
    out.corrected.push(`${name} created`)
    return
  }
  if (isLeftAlone(live)) return
  const wanted = await kube.apply(object, { fieldManager: HELM_MANAGER, force: true, dryRun: true, signal })
  const paths = deps.withoutIgnored(object, deps.differences(live, wanted), looking.object.spec.driftDetection?.ignore ?? [])
  if (paths.length === 0) return
  const steps = deps.correction(live, wanted, paths)
  const count = (op: PatchStep['op']) => steps.filter((step) => step.op === op).length
  out.found.push(`${name} changed (${count('add')} additions, ${count('replace')} changes, ${count('remove')} removals)`)
  if (!corrects) return
  await kube.patch(place, { type: 'json', body: steps, fieldManager: HELM_MANAGER, signal })
  out.corrected.push(`${name} configured`)
}

/** The object with what Helm puts on everything that it applies, and does not keep in its storage. */
export function marked(object: Manifest, { name, namespace }: Pick<Released, 'name' | 'namespace'>): Manifest {
  const { annotations, labels } = object.metadata
  const owner = { 'meta.helm.sh/release-name': name, 'meta.helm.sh/release-namespace': namespace }
  const metadata = {
    ...object.metadata,
    labels: { ...labels, 'app.kubernetes.io/managed-by': 'Helm' },
    annotations: { ...annotations, ...owner },
  }
  return { ...object, metadata }
}

/** Whether an object says that its drift is nobody's concern. */
export function isLeftAlone(object: Manifest): boolean {
  return labelOrAnnotation(object, DRIFT_SWITCH) === 'disabled'
}

/** Where an object is. */
export function placeOf({ apiVersion, kind, metadata: { name, namespace } }: Manifest): ObjectAt {
  return { apiVersion, kind, name, ...(namespace ? { namespace } : {}) }
}
