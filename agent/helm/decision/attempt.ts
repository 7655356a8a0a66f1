import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import type { ReleaseAttempt } from '../../mirror/model.ts'
import type { Values } from '../model.ts'
import { releaseTarget } from '../names.ts'
import type { ReadyChart } from '../ports.ts'
import { configDigest } from '../snapshot/digests.ts'
import { latest } from '../snapshot/history.ts'
import { requestsOf } from './requests.ts'

/** What is about to be tried, and whether it is something else than what was tried last: then failures count anew. */
export function attemptOf(object: HelmRelease, chart: Pick<ReadyChart, 'version' | 'ociDigest'>, values: Values): ReleaseAttempt {
  const { metadata, status } = object
  const digest = configDigest(values)
  const { forceAt, resetAt, resets } = requestsOf(object)
  const isOther =
    status.lastAttemptedGeneration !== metadata.generation ||
    status.lastAttemptedRevision !== chart.version ||
    (status.lastAttemptedConfigDigest ?? digest) !== digest
  return {
    chartVersion: chart.version,
    ...(chart.ociDigest ? { ociDigest: chart.ociDigest } : {}),
    configDigest: digest,
    storageNamespace: releaseTarget(object).storageNamespace,
    resets: isOther || resets,
    ...(forceAt === undefined ? {} : { forceAt }),
    ...(resetAt === undefined ? {} : { resetAt }),
  }
}

/** Why the release is to be taken away before the wanted one is made; undefined where it is the same one. */
export function targetChange(object: HelmRelease, chartName: string): string | undefined {
  const { spec, status } = object
  const now = latest(status.history ?? [])
  if (!now || !status.storageNamespace) return undefined
  const target = releaseTarget(object)
  if (target.storageNamespace !== status.storageNamespace) return 'storage namespace'
  if (target.namespace !== now.namespace) return 'release namespace'
  if (target.name !== now.name) return 'release name'
  return chartName !== now.chartName && spec.upgrade?.chartNameChangeStrategy !== 'InPlaceUpdate' ? 'chart name' : undefined
}
