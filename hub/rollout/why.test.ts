import { expect, test } from 'vitest'
import { type ChainFacts, LINKS, type Link, why } from './why.ts'

const NEW = 'main@sha1:2'
const OLD = 'main@sha1:1'
const ks = { object: 'Kustomization/team-a/podinfo', suspended: false, applied: NEW, ready: true }
const whole: ChainFacts = {
  cluster: { name: 'edge-1', connected: true },
  source: { object: 'GitRepository/team-a/platform', url: 'https://git.example.com/platform', suspended: false },
  newest: { revision: NEW, author: 'anna', subject: 'Fix it' },
  wanted: NEW,
  builds: { waiting: 0 },
  release: { revision: NEW, acked: true },
  objects: [ks],
}

test('a chain that holds says so, link by link', () => {
  const { broken, links, sentence } = why(whole)
  expect(broken).toBeUndefined()
  expect(sentence).toBe('edge-1 has main@sha1:2, and Kustomization/team-a/podinfo is ready')
  expect(links.map(({ link, says }) => [link, says])).toEqual([
    ['commit', 'main@sha1:2 “Fix it” by anna'],
    ['fetched', 'GitRepository/team-a/platform fetched it from https://git.example.com/platform'],
    ['built', 'built for one object'],
    ['released', 'no Rollout governs it: it follows the newest revision'],
    ['sent', 'its agent acknowledged it'],
    ['applied', 'Kustomization/team-a/podinfo applied it'],
    ['healthy', 'Kustomization/team-a/podinfo is ready'],
  ])
})

test('a Placement is given, not fetched and built', () => {
  const placed = { ...whole, source: { object: 'Placement/team-a/podinfo', url: undefined, suspended: false }, objects: [ks, ks] }
  expect(why(placed).sentence).toBe('edge-1 has main@sha1:2, and everything that it gives (2 objects) is ready')
  expect(
    why(placed)
      .links.slice(1, 3)
      .map(({ says }) => says),
  ).toEqual(['Placement/team-a/podinfo chooses the cluster', 'written for 2 objects'])
  const out = { ...placed.source, problem: 'its label region is "us", not eu' }
  expect(why({ ...placed, source: out, release: undefined, objects: [] })).toMatchObject({
    broken: 'fetched',
    sentence: 'edge-1: Placement/team-a/podinfo gives it nothing: its label region is "us", not eu',
  })
  const problem = { object: ks.object, message: 'the cluster has no label ring' }
  expect(why({ ...placed, builds: { waiting: 0, problem } })).toMatchObject({
    broken: 'built',
    sentence: 'edge-1: Kustomization/team-a/podinfo cannot be given at main@sha1:2: the cluster has no label ring',
  })
})

const rollout = { name: 'team-a/platform', says: 'its turn in wave rest is to come: wave eu waits for approval of main@sha1:2' }

test.each<[Link, string, Partial<ChainFacts>]>([
  [
    'commit',
    'nothing was found at https://git.example.com/platform yet: authentication failed',
    { newest: undefined, wanted: undefined, source: { ...whole.source, problem: 'authentication failed' } },
  ],
  [
    'commit',
    'nothing was found at GitRepository/team-a/platform yet: Secret team-a/key is missing',
    { newest: undefined, wanted: undefined, source: { ...whole.source, url: '', problem: 'Secret team-a/key is missing' } },
  ],
  [
    'commit',
    'nothing was found at https://git.example.com/platform yet: GitRepository/team-a/platform is suspended there',
    { newest: undefined, wanted: undefined, source: { ...whole.source, suspended: true } },
  ],
  [
    'fetched',
    'GitRepository/team-a/platform is suspended there: it keeps what it has until it is resumed',
    { source: { ...whole.source, suspended: true } },
  ],
  ['fetched', 'GitRepository/team-a/platform cannot be fetched: timed out', { source: { ...whole.source, problem: 'timed out' } }],
  [
    'built',
    'Kustomization/team-a/podinfo cannot be built at main@sha1:2: no such file',
    { builds: { waiting: 0, problem: { object: ks.object, message: 'no such file' } } },
  ],
  ['built', 'main@sha1:2 is being built for one object', { builds: { waiting: 1 } }],
  [
    'released',
    `Rollout team-a/platform keeps main@sha1:2 back and gives it main@sha1:1: ${rollout.says}`,
    { wanted: OLD, release: { revision: OLD, acked: true }, rollout },
  ],
  ['released', `Rollout team-a/platform keeps main@sha1:2 back: ${rollout.says}`, { wanted: undefined, release: undefined, rollout }],
  ['released', 'main@sha1:2 is about to be released to it', { release: { revision: OLD, acked: true } }],
  ['sent', 'main@sha1:2 is on its way to its agent, which has not acknowledged it yet', { release: { revision: NEW, acked: false } }],
  [
    'sent',
    'its agent is not connected since 2026-01-05T12:00:00.000Z; main@sha1:2 waits for it',
    { release: { revision: NEW, acked: false }, cluster: { name: 'edge-1', connected: false, since: new Date('2026-01-05T12:00:00Z') } },
  ],
  [
    'applied',
    'Kustomization/team-a/podinfo is suspended: it applies nothing until it is resumed',
    { objects: [{ ...ks, suspended: true }] },
  ],
  [
    'applied',
    'Kustomization/team-a/podinfo has not applied main@sha1:2: DependencyNotReady: dependency infra is not ready',
    { objects: [ks, { ...ks, applied: OLD, ready: false, reason: 'DependencyNotReady', message: 'dependency infra is not ready' }] },
  ],
  [
    'healthy',
    'Kustomization/team-a/podinfo is not ready: Failed; its agent is not connected',
    { cluster: { name: 'edge-1', connected: false }, objects: [{ ...ks, ready: false, reason: 'Failed' }] },
  ],
  [
    'healthy',
    'Kustomization/team-a/podinfo is not ready: HealthCheckFailed: Deployment podinfo is not available',
    { objects: [{ ...ks, ready: false, reason: 'HealthCheckFailed', message: 'Deployment podinfo is not available' }] },
  ],
  [
    'healthy',
    'Kustomization/team-a/podinfo is ready; Deployment/team-a/podinfo is InProgress: Available: 0/1',
    { objects: [{ ...ks, lack: { of: 'InProgress', word: 'Deployment/team-a/podinfo is InProgress: Available: 0/1' } }] },
  ],
])('the first link that does not hold is %s: %s', (link, sentence, over) => {
  const answer = why({ ...whole, ...over })
  expect(answer.broken).toBe(link)
  expect(answer.sentence).toBe(`edge-1: ${sentence}`)
  expect(answer.links.slice(LINKS.indexOf(link) + 1).every(({ holds }) => holds === undefined)).toBe(true)
})
