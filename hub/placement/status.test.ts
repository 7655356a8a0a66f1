import { expect, test } from 'vitest'
import type { Standing } from './ports.ts'
import { placementNews, placementStatus } from './status.ts'

const NOW = new Date('2026-01-01T00:00:00Z')
const aStanding = (counts: Partial<Standing['counts']>, more: Partial<Standing> = {}): Standing => ({
  ...{ uid: 'u', namespace: 'shop', name: 'web', generation: 3, revision: 'sha256:r', tenant: 'shop', problems: [], problemCount: 0 },
  counts: { placed: 0, pending: 0, offline: 0, failed: 0, removing: 0, ...counts },
  matched: Object.values(counts).reduce((sum, count) => sum + count, 0),
  ...more,
})
const ready = (standing: Standing, leaving = false) => {
  const [condition] = placementStatus({}, standing, { leaving, now: NOW }).conditions ?? []
  return `${condition?.status} ${condition?.reason} ${condition?.message}`
}

test.each([
  ['holding all', aStanding({ placed: 2 }), 'True Placed 2 clusters hold the objects'],
  ['choosing nobody', aStanding({}), 'True NothingChosen no cluster is chosen'],
  [
    'on the way',
    aStanding({ placed: 1, pending: 2, offline: 1 }),
    'Unknown Progressing waits for 2 clusters to follow, 1 cluster to connect',
  ],
  ["nobody's", aStanding({}, { tenant: '' }), 'False NoTenant namespace shop belongs to no tenant'],
])('says of a Placement %s what it is and what it waits for', (_name, standing, expected) => expect(ready(standing)).toBe(expected))

test('names the first problem, counts those beyond the ones that are listed, and what a deletion waits for', () => {
  const problems = [{ cluster: 'a', object: 'Kustomization/shop/web', message: 'it is not ours' }]
  const failing = aStanding({ failed: 12, placed: 1 }, { problems, problemCount: 12 })
  expect(ready(failing)).toBe('False Failed 12 clusters cannot be given the objects; a: Kustomization/shop/web: it is not ours')
  expect(placementStatus({}, failing, { leaving: false, now: NOW })).toMatchObject({ problems, moreProblems: 11, observedGeneration: 3 })
  expect(ready(aStanding({ removing: 1 }), true)).toBe('False Deleting waits for 1 cluster to say that the objects are gone')
})

test('tells of other objects and clusters, of all being in place, and of what cannot be, each once', () => {
  const looks = [
    aStanding({ pending: 1 }),
    aStanding({ placed: 1 }),
    aStanding({ placed: 1, pending: 1 }),
    aStanding({ placed: 1, failed: 1 }),
    aStanding({ failed: 2 }),
    aStanding({ failed: 2 }, { revision: 'sha256:next' }),
  ]
  let status = {}
  const told = looks.map((standing) => {
    const next = placementStatus(status, standing, { leaving: false, now: NOW })
    const news = placementNews(status, next)
    status = next
    return news.map(({ event, message }) => `${event}: ${message}`)
  })
  expect(told).toEqual([
    ['placement.changed: the objects are sha256:r; 1 cluster is chosen'],
    ['placement.placed: 1 cluster holds the objects'],
    ['placement.changed: 2 clusters are chosen, 1 before'],
    ['placement.failed: 1 cluster cannot be given the objects'],
    [],
    ['placement.changed: the objects are sha256:next; 2 clusters are chosen'],
  ])
})

test('the same rows give the same status', () => {
  const first = placementStatus({}, aStanding({ placed: 1 }), { leaving: false, now: NOW })
  expect(placementStatus(first, aStanding({ placed: 1 }), { leaving: false, now: new Date('2027-01-01') })).toEqual(first)
})
