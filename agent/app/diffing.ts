import type { Clock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import type { ReleaseDiff } from '../../proto/model/diff.ts'
import type { HelmRelease } from '../../proto/model/flux/helm/kinds.ts'
import type { ServiceAccountRef } from '../../proto/model/identities.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { formatRef, refKey } from '../../proto/model/object-ref.ts'
import { refused } from '../apply/classify.ts'
import { each } from '../apply/each.ts'
import { normalize } from '../apply/normalize.ts'
import { differences } from '../drift/diff.ts'
import { withoutIgnored } from '../drift/ignore.ts'
import type { Helm, ReadyChart } from '../helm/ports.ts'
import { preview } from '../helm/preview.ts'
import type { KubeConnection } from '../kube/connection.ts'
import { helmReleaseStatus } from '../mirror/helm-release-status.ts'
import type { Flux } from '../mirror/io/flux.ts'
import { diffRelease } from '../reconcile/diff/service.ts'
import type { HelmPlan } from '../reconcile/helm/model.ts'
import type { Releases } from '../reconcile/helm/ports.ts'
import { createReleaseDiff } from '../reconcile/io/release-diff.ts'
import type { ReleaseObjects } from '../reconcile/io/release-drift.ts'

interface DiffingParts {
  readonly as: (account: ServiceAccountRef) => ReturnType<KubeConnection['as']>
  readonly flux: Flux
  readonly helm: Helm
  readonly releases: Releases<ReadyChart>
  readonly objects: ReleaseObjects
  readonly plan: (object: HelmRelease) => HelmPlan
  /** Why releases are left alone in this cluster; undefined where they are not. */
  readonly held: () => string | undefined
  readonly clock: Clock
}

/** Of what people wait for, the part that is Helm's. */
const RENDER_MS = 40_000

/** What answers the question what a reconcile would change. */
export function openDiffing({ as, clock, flux, helm, held, objects, plan, releases }: DiffingParts) {
  const compare = createReleaseDiff({
    ...{ as, each, normalize, differences, withoutIgnored, of: objects.of },
    tell: (object, { error, status }) => refused(object, 'dry-run', { ...status, code: error.code }).message,
  })
  const deps = { plan, releases, compare, held, clock, status: helmReleaseStatus }
  return async (asked: Manifest, signal: AbortSignal): Promise<ReleaseDiff> => {
    const object = flux.helmRelease(refKey(refOf(asked)))
    if (!object) throw new FleetError('invalid', `diff ${formatRef(refOf(asked))}: it is no HelmRelease, or its spec is not valid`)
    return diffRelease({ ...deps, preview: (job) => preview({ helm }, { ...job, deadlineMs: RENDER_MS }) }, object, signal)
  }
}
