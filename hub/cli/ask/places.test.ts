import { expect, test } from 'vitest'
import { kindOf } from '../kinds.ts'
import { onlyPlace } from './places.ts'

const KUSTOMIZATION = kindOf(['ks'])
const found = (...clusters: readonly string[]) =>
  clusters.map((cluster) => ({
    where: { cluster, namespace: 'flux-system', name: 'apps' },
    object: { apiVersion: 'x/v1', kind: 'Kustomization', metadata: { name: 'apps' } },
  }))

test('an object that is in one cluster needs no cluster said', () => {
  expect(onlyPlace(KUSTOMIZATION, found('staging')).where.cluster).toBe('staging')
})

test('one that is in several is changed nowhere until the cluster is said', () => {
  expect(() => onlyPlace(KUSTOMIZATION, found('staging', 'production'), ', or --all-clusters')).toThrow(
    'Kustomization/flux-system/apps is in 2 clusters: production, staging; say which with --cluster NAME, or --all-clusters',
  )
})
