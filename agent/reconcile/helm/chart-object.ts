import { canonicalJson } from '../../../proto/base/canonical.ts'
import { chartSourceOf } from '../../../proto/model/flux/helm/chart-source.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { HELM_GROUP, SOURCE_GROUP } from '../../../proto/model/names.ts'
import type { ObjectRef } from '../../../proto/model/object-ref.ts'

/** The HelmChart that a HelmRelease with a chart template has made for it; undefined for others. Source: Flux, helm-controller. */
export function chartObject(object: HelmRelease): Manifest | undefined {
  const { chart, interval } = object.spec
  const at = chartSourceOf(object)
  if (!chart || !at) return undefined
  const { ignoreMissingValuesFiles, reconcileStrategy, sourceRef, valuesFiles, verify, version } = chart.spec
  const owner = { [`${HELM_GROUP}/name`]: object.metadata.name, [`${HELM_GROUP}/namespace`]: object.metadata.namespace ?? '' }
  const { annotations, labels } = chart.metadata ?? {}
  return {
    apiVersion: `${SOURCE_GROUP}/v1`,
    kind: 'HelmChart',
    metadata: { name: at.name, namespace: at.namespace, labels: { ...labels, ...owner }, ...(annotations ? { annotations } : {}) },
    spec: {
      chart: chart.spec.chart,
      version,
      sourceRef: { kind: sourceRef.kind, name: sourceRef.name },
      interval: chart.spec.interval ?? interval,
      reconcileStrategy,
      ...(valuesFiles ? { valuesFiles } : {}),
      ...(ignoreMissingValuesFiles ? { ignoreMissingValuesFiles } : {}),
      ...(verify ? { verify } : {}),
    },
  }
}

/** Whether what is there says all that the wanted one does: then there is nothing to write. */
export function isInPlace(live: Manifest | undefined, wanted: Manifest): boolean {
  if (!live || live.metadata.deletionTimestamp) return false
  const holds = (has: Readonly<Record<string, string>> = {}, wants: Readonly<Record<string, string>> = {}) =>
    Object.entries(wants).every(([key, value]) => has[key] === value)
  return (
    canonicalJson(live.spec) === canonicalJson(wanted.spec) &&
    holds(live.metadata.labels, wanted.metadata.labels) &&
    holds(live.metadata.annotations, wanted.metadata.annotations)
  )
}

/** The HelmChart that was made before and is not wanted any more: of another name, or of a template that is gone. */
export function staleChart({ metadata, status }: HelmRelease, wanted: Manifest | undefined): ObjectRef | undefined {
  const [namespace = '', name = ''] = (status.helmChart ?? '').split('/', 2)
  if (name === '') return undefined
  const isWanted = wanted?.metadata.namespace === namespace && wanted.metadata.name === name && !metadata.deletionTimestamp
  return isWanted ? undefined : { group: SOURCE_GROUP, kind: 'HelmChart', namespace, name }
}
