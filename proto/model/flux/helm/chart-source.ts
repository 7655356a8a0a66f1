import type { ObjectRef } from '../../object-ref.ts'
import type { HelmRelease } from './kinds.ts'

/**
 * The source object that a HelmRelease takes its chart from: the one it refers to, or the HelmChart that is made for
 * it in the namespace of its repository. Undefined for kinds that give no charts here.
 */
export function chartSourceOf({ metadata, spec }: HelmRelease): Pick<ObjectRef, 'kind' | 'namespace' | 'name'> | undefined {
  const own = metadata.namespace ?? ''
  const { chart, chartRef } = spec
  if (chartRef) {
    const { kind, name, namespace = own } = chartRef
    return kind === 'OCIRepository' || kind === 'HelmChart' ? { kind, namespace, name } : undefined
  }
  if (!chart) return undefined
  return { kind: 'HelmChart', namespace: chart.spec.sourceRef.namespace ?? own, name: `${own}-${metadata.name}` }
}
