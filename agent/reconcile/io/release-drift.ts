import { FleetError, messageOf } from '../../../proto/base/errors.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import { labelOrAnnotation, type Manifest, refOf } from '../../../proto/model/manifest.ts'
import { DRIFT_SWITCH, HELM_MANAGER } from '../../../proto/model/names.ts'
import { formatRef, type ObjectRef, refKey } from '../../../proto/model/object-ref.ts'
import type { Left, PatchStep } from '../../drift/model.ts'
import type { ImpersonatedKube, ObjectAt } from '../../kube/model.ts'

type Rules = NonNullable<NonNullable<HelmRelease['spec']['driftDetection']>['ignore']>

export interface ReleaseDriftDeps {
  readonly as: (account: ServiceAccountRef) => ImpersonatedKube
  /** The objects of a manifest, or what in it is none. */
  readonly read: (manifest: string) => { readonly objects: readonly Manifest[] } | { readonly problem: string }
  readonly normalize: (object: Manifest) => Manifest
  readonly differences: (live: Manifest, dryRun: Manifest) => readonly string[]
  readonly ignoredPaths: (object: Manifest, rules: Rules) => readonly string[]
  readonly withoutIgnored: (object: Manifest, found: readonly string[], rules: Rules) => readonly string[]
  /** Where it is kept how objects were left, so that their drift is heard of. */
  readonly memory: {
    expect(subject: string, release: string, refs: readonly ObjectRef[]): void
    record(subject: string, ref: ObjectRef, left: Left): void
    confirm(release: string, order: string): void
    isInOrder(release: string, order: string): boolean
  }
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

/** A release with the Secret that Helm keeps it in. */
interface Kept extends Released {
  readonly secret: { readonly name: string; readonly resourceVersion: string }
}

/** The objects of releases as the cluster has them. */
export interface ReleaseObjects {
  /** Those of a manifest, each with a namespace exactly where its kind has one. */
  of(release: Released, o: { readonly account: ServiceAccountRef; readonly signal: AbortSignal }): Promise<readonly Manifest[]>
  /** True where watches tell that nothing has changed since all was found as it was released. */
  isInOrder(release: Kept, object: HelmRelease): boolean
  /** What is not as it was released; put back with `corrects`. All are tried, whatever becomes of one. */
  look(release: Kept, o: Looking): Promise<Found>
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
    isInOrder: (release, object) => deps.memory.isInOrder(refKey(refOf(object)), orderOf(release, object)),
    async look(release, o) {
      const out: Found = { found: [], corrected: [], failures: [] }
      const { subject } = deps.as(o.account)
      let isWhole = true
      const objects = (await of(release, o)).filter((object) => !isLeftAlone(object))
      deps.memory.expect(subject, refKey(refOf(o.object)), objects.map(refOf))
      for (const object of objects) {
        o.signal.throwIfAborted()
        try {
          const left = await lookAt(deps, { object: marked(deps.normalize(object), release), looking: o, out })
          const ignored = deps.ignoredPaths(object, o.object.spec.driftDetection?.ignore ?? [])
          if (left.live && isLeftAlone(left.live)) isWhole = false
          deps.memory.record(subject, refOf(object), { ...left, ignored })
        } catch (error) {
          o.signal.throwIfAborted()
          out.failures.push(messageOf(error))
        }
      }
      if (out.found.length === 0 && out.failures.length > 0)
        throw new FleetError('unavailable', `unable to determine cluster state: ${out.failures.join('\n')}`)
      // What is left alone by its own word is looked at again: the end of that word changes nothing that is released.
      if (isWhole && out.found.length === 0 && out.failures.length === 0)
        deps.memory.confirm(refKey(refOf(o.object)), orderOf(release, o.object))
      return out
    },
  }
}

/** What a release is to be, as text. */
function orderOf({ secret }: Kept, { metadata }: HelmRelease): string {
  return `${metadata.uid} ${metadata.generation} ${secret.name} ${secret.resourceVersion}`
}

async function lookAt(
  deps: ReleaseDriftDeps,
  { object, looking, out }: { readonly object: Manifest; readonly looking: Looking; readonly out: Found },
): Promise<Left> {
  const { account, corrects, signal } = looking
  const kube = deps.as(account)
  const place = placeOf(object)
  const name = formatRef(refOf(object))
  const live = await kube.get(place, { signal })
  if (!live) {
    out.found.push(`${name} removed`)
    if (!corrects) return {}
    const made = await kube.apply(object, { fieldManager: HELM_MANAGER, force: true, signal })
    out.corrected.push(`${name} created`)
    return { live: made }
  }
  if (isLeftAlone(live)) return { live }
  const wanted = await kube.apply(object, { fieldManager: HELM_MANAGER, force: true, dryRun: true, signal })
  const paths = deps.withoutIgnored(object, deps.differences(live, wanted), looking.object.spec.driftDetection?.ignore ?? [])
  if (paths.length === 0) return { live, wanted }
  const steps = deps.correction(live, wanted, paths)
  const count = (op: PatchStep['op']) => steps.filter((step) => step.op === op).length
  out.found.push(`${name} changed (${count('add')} additions, ${count('replace')} changes, ${count('remove')} removals)`)
  if (!corrects) return { live, wanted }
  const corrected = await kube.patch(place, { type: 'json', body: steps, fieldManager: HELM_MANAGER, signal })
  out.corrected.push(`${name} configured`)
  return { live: corrected, wanted }
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
