import { canonicalJson } from '../../../proto/base/canonical.ts'
import type { StoredRelease } from '../../../proto/helm/stored.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import type { ReleaseState, Values } from '../model.ts'
import { commonMetadataDigest, postRenderersDigest } from '../snapshot/digests.ts'
import { hasBeenTested, hasFailedTest, latest } from '../snapshot/history.ts'
import { isSnapshotOf } from '../snapshot/observe.ts'
import { deepMerge } from '../values/merge.ts'
import { activeStrategy } from './strategy.ts'

export interface StateInput {
  readonly object: Pick<HelmRelease, 'metadata' | 'spec' | 'status'>
  /** The last version of the release in Helm's storage. */
  readonly stored: StoredRelease | undefined
  /** The chart to release, under the version it is released as. */
  readonly chart: Pick<StoredRelease['chart'], 'name' | 'version'>
  readonly values: Values
}

/** What stands between the release in Helm's storage and what it should be; drift apart. Source: Flux, helm-controller. */
export function releaseState(input: StateInput): ReleaseState {
  const { object, stored } = input
  if (!stored) return { kind: 'absent', reason: 'no release in storage for object' }
  const { status } = stored.info
  if (status.startsWith('pending-') || status === 'uninstalling') return { kind: 'locked', reason: `release with status '${status}'` }
  if (status === 'uninstalled') return { kind: 'absent', reason: 'found uninstalled release in storage' }
  const known = latest(object.status.history ?? [])
  if (!known) return { kind: 'unmanaged', reason: 'found existing release in storage' }
  if (!isSnapshotOf(known, stored)) return { kind: 'unmanaged', reason: 'release not observed to be made for object' }
  if (status === 'deployed') return deployed(input, stored)
  return { kind: 'failed', reason: status === 'failed' ? '' : `release with status '${status}'` }
}

function deployed({ object, chart, values }: StateInput, stored: StoredRelease): ReleaseState {
  const { spec, status } = object
  if (stored.chart.name !== chart.name || stored.chart.version !== chart.version)
    return { kind: 'out-of-sync', reason: 'release chart changed' }
  if (!hasValues(stored, values, spec.upgrade?.preserveValues ?? false))
    return { kind: 'out-of-sync', reason: 'release config values changed' }
  const why = renderedAnew(object)
  if (why) return { kind: 'out-of-sync', reason: why }
  const known = latest(status.history ?? [])
  if (!spec.test?.enable || !known) return { kind: 'in-sync' }
  if (!hasBeenTested(known)) return { kind: 'untested' }
  const strategy = activeStrategy(spec, status)
  if (strategy && !strategy.ignoreTestFailures && hasFailedTest(known))
    return { kind: 'failed', reason: 'release has test in failed phase' }
  return { kind: 'in-sync' }
}

/** Values are compared as they are, not by a digest: what was released is there to look at. */
function hasValues({ config }: StoredRelease, values: Values, preserves: boolean): boolean {
  // Helm then keeps what older releases had: the wish is met where it would change nothing.
  const wanted = preserves ? deepMerge(config, values) : values
  return canonicalJson(config) === canonicalJson(wanted)
}

/** What post-rendering did is known of the generation that was dealt with last; it cannot change without a new one. */
function renderedAnew({ metadata, spec, status }: StateInput['object']): string | undefined {
  if (status.observedGeneration === metadata.generation) return undefined
  if (postRenderersDigest(spec.postRenderers) !== (status.observedPostRenderersDigest ?? '')) return 'postrenderers digest has changed'
  if (commonMetadataDigest(spec.commonMetadata) !== (status.observedCommonMetadataDigest ?? '')) return 'common metadata digest has changed'
  return undefined
}
