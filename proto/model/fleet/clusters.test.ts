import { expect, test } from 'vitest'
import type { Manifest } from '../manifest.ts'
import { parseResource } from '../resource/parse.ts'
import { type ClusterChoice, choosesCluster } from './clusters.ts'
import { TENANT } from './kinds.ts'

const eu = { name: 'production-eu', labels: { tier: 'production', region: 'eu' } }
const CASES: readonly (readonly ['takes' | 'leaves out', string, ClusterChoice])[] = [
  ['takes', 'all of them', { all: true }],
  ['takes', 'its name', { names: ['production-eu'] }],
  ['leaves out', 'another name', { names: ['production'] }],
  ['takes', 'its labels', { matchLabels: { tier: 'production' } }],
  ['leaves out', 'labels of which one differs', { matchLabels: { tier: 'production', region: 'us' } }],
  ['takes', 'an expression', { matchExpressions: [{ key: 'region', operator: 'In', values: ['eu', 'us'] }] }],
  [
    'leaves out',
    'labels beside an expression that fails',
    { matchLabels: { tier: 'production' }, matchExpressions: [{ key: 'region', operator: 'DoesNotExist' }] },
  ],
  ['takes', 'its name beside labels of others', { names: ['production-eu'], matchLabels: { tier: 'test' } }],
  ['leaves out', 'nothing', {}],
]
test.each(CASES)('a choice %s a cluster by %s', (verb, _name, choice) => {
  expect(choosesCluster(choice, eu)).toBe(verb === 'takes')
})

const tenant = (spec: object): Manifest => ({
  apiVersion: 'fleet.flotilla.dev/v1alpha1',
  kind: 'Tenant',
  metadata: { name: 't' },
  spec: { namespaces: ['a'], ...spec },
})

test('a tenant has defaults for its role and ServiceAccount', () => {
  const parsed = parseResource(TENANT, tenant({ clusters: { all: true } }), { strict: true })
  expect('object' in parsed && parsed.object.spec).toEqual({
    namespaces: ['a'],
    clusters: { all: true },
    clusterRole: 'edit',
    serviceAccount: 'flotilla-tenant',
  })
})

test.each([
  ['no clusters said', { clusters: {} }, 'spec.clusters'],
  ['all and some', { clusters: { all: true, names: ['a'] } }, 'spec.clusters'],
  ['no namespaces', { clusters: { all: true }, namespaces: [] }, 'spec.namespaces'],
  ['a bad namespace', { clusters: { all: true }, namespaces: ['Team A'] }, 'spec.namespaces[0]'],
  ['an unknown field', { clusters: { all: true }, role: 'x' }, 'spec.role'],
])('a tenant with %s is refused with the path', (_name, spec, path) => {
  const parsed = parseResource(TENANT, tenant(spec), { strict: true })
  expect('problems' in parsed && parsed.problems.map((problem) => problem.path)).toEqual([path])
})
