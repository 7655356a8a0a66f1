import { expect, test } from 'vitest'
import type { TenantStatus } from '../../proto/model/fleet/tenant.ts'
import { type Standing, withStanding } from './standing.ts'

const now = new Date('2026-01-01T00:00:00Z')
const aStanding = (over: Partial<Standing>): Standing => ({
  ...{ tenant: 'shop', generation: 2, allowed: 3, ready: 3, failed: 0, waiting: 0, problems: [] },
  ...over,
})
const ready = (status: TenantStatus) => {
  const [condition] = status.conditions ?? []
  return `${condition?.status} ${condition?.reason} ${condition?.message}`
}

test.each<[string, Partial<Standing>, string]>([
  ['is ready where all clusters have set it up', {}, 'True Succeeded set up in 3 of 3 clusters'],
  [
    'is not held up by clusters that never came',
    { ready: 1 },
    'True Succeeded set up in 1 of 3 clusters; 2 clusters never connected so far',
  ],
  [
    'waits for clusters that have been there',
    { ready: 1, waiting: 1 },
    'Unknown Progressing set up in 1 of 3 clusters, waiting for 1 cluster',
  ],
  ['is ready without clusters', { allowed: 0, ready: 0 }, 'True Succeeded no cluster is allowed'],
  [
    'fails with the words of the cluster, also while it waits for others',
    { ready: 1, waiting: 1, failed: 1, problems: [{ cluster: 'one', message: 'namespaces is forbidden' }] },
    'False SetupFailed cannot be set up in 1 cluster: one: namespaces is forbidden',
  ],
  [
    'names three clusters that failed and counts the rest',
    { ready: 0, failed: 9, problems: ['a', 'b', 'c', 'd'].map((cluster) => ({ cluster, message: 'no' })) },
    'False SetupFailed cannot be set up in 9 clusters: a: no; b: no; c: no; and 6 more',
  ],
  [
    'is ready where it is the platform',
    { tenant: 'platform', allowed: 0, ready: 0 },
    "True Platform each cluster's administrator gives the platform its rights there",
  ],
])('%s', (_name, over, expected) => {
  expect(ready(withStanding({}, aStanding(over), now))).toBe(expected)
})

test('the same rows give the same status, at any time', () => {
  const first = withStanding({}, aStanding({}), now)
  expect(withStanding(first, aStanding({}), new Date('2026-02-01T00:00:00Z'))).toEqual(first)
})

test('what is not listed is counted, and nothing is left of a problem that passed', () => {
  const problems = Array.from({ length: 10 }, (_, at) => ({ cluster: `c${at}`, message: 'no' }))
  const failed = withStanding({}, aStanding({ allowed: 25, ready: 0, failed: 25, problems }), now)
  expect(failed).toMatchObject({ ready: '0/25', moreProblems: 15, clusters: { allowed: 25, failed: 25, ready: 0, waiting: 0 } })
  expect(failed.problems).toHaveLength(10)
  const mended = withStanding(failed, aStanding({}), now)
  expect(mended).not.toHaveProperty('problems')
  expect(mended).not.toHaveProperty('moreProblems')
})
