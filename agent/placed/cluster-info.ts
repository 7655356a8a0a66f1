import type { ClusterFact } from '../../proto/model/facts.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { CLUSTER_INFO } from '../../proto/model/names.ts'

/**
 * The ConfigMap that tells a namespace of its cluster, for `postBuild.substituteFrom`: `cluster_name`,
 * `cluster_labels_<key>`, `cluster_variables_<key>`. In keys, `_` stands for what a variable's name cannot have; of two
 * that would be one, the first by name stands.
 */
export function clusterInfo({ labels, name, variables }: ClusterFact, namespace: string): Manifest {
  const entries = [
    ['cluster_name', name] as const,
    ...Object.entries(labels).map(([key, value]) => [`cluster_labels_${key}`, value] as const),
    ...Object.entries(variables).map(([key, value]) => [`cluster_variables_${key}`, value] as const),
  ]
  const data = new Map<string, string>()
  for (const [key, value] of entries.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const plain = key.replaceAll(/[^A-Za-z0-9_]/g, '_')
    if (!data.has(plain)) data.set(plain, value)
  }
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: CLUSTER_INFO, namespace }, data: Object.fromEntries(data) }
}
