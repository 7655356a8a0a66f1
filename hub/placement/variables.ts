import type { ClusterVariable } from '../../proto/model/fleet/cluster-variables.ts'
import type { ClusterFacts } from './model.ts'

type Named = Pick<ClusterFacts, 'name' | 'labels' | 'facts' | 'variables'>

/** The value that a variable has in a cluster; undefined where the cluster has none. */
export function valueIn(cluster: Named, { key, of }: ClusterVariable): string | undefined {
  if (of === 'name') return cluster.name
  const values = cluster[of]
  return Object.hasOwn(values, key) ? String(values[key]) : undefined
}

/** Why a variable has no value in a cluster. */
export function missingValue({ key, of, text }: ClusterVariable): string {
  const what = of === 'labels' ? `no label ${key}` : of === 'facts' ? `no fact ${key}` : `no ${key} in spec.variables`
  return `\${${text}} has no value: the cluster has ${what}`
}
