import { expect, test } from 'vitest'
import { parseResource } from '../resource/parse.ts'
import { structuralSchema } from '../resource/structural.ts'
import { countOf } from './amount.ts'
import { ROLLOUT } from './kinds.ts'
import { DEFAULT_WAVES, rolloutSpec } from './rollout.ts'

const source = { kind: 'GitRepository', name: 'platform' }

function parse(spec: object) {
  return parseResource(
    ROLLOUT,
    {
      apiVersion: 'fleet.flotilla.dev/v1alpha1',
      kind: 'Rollout',
      metadata: { name: 'platform', namespace: 'team-a' },
      spec: { source, ...spec },
    },
    { strict: true },
  )
}

function problems(spec: object): readonly string[] {
  const read = parse(spec)
  return 'problems' in read ? read.problems.map(({ message, path }) => `${path}: ${message}`) : []
}

test('a Rollout that says only its source has the defaults', () => {
  expect(parse({})).toMatchObject({
    object: {
      spec: {
        waves: DEFAULT_WAVES,
        onFailure: { maxFailures: 0, progressDeadline: '15m', action: 'stop' },
        onNewRevision: 'supersede',
        suspend: false,
        historyLimit: 20,
      },
    },
  })
})

test('all of it is taken as it is written', () => {
  const spec = {
    clusters: { matchLabels: { tier: 'web' } },
    waves: [
      { name: 'canary', max: 1, soak: '10m' },
      { name: 'eu', clusters: { matchLabels: { region: 'eu' } }, maxConcurrent: '25%', approval: 'required' },
      { name: 'rest', rest: true, maxConcurrent: '50%', soak: '5m' },
    ],
    onFailure: { maxFailures: '2%', progressDeadline: '15m', action: 'rollback' },
    windows: [{ schedule: '0 22 * * 1-4', duration: '6h', timeZone: 'Europe/Berlin', mode: 'allow' }],
    onNewRevision: 'supersede',
    suspend: false,
    historyLimit: 20,
  }
  expect(problems(spec)).toEqual([])
})

test.each<[string, object, readonly string[]]>([
  ['a wave without clusters', { waves: [{ name: 'a' }] }, ['spec.waves[0]: say which clusters: clusters, max, or rest: true']],
  ['an empty choice', { clusters: {} }, [expect.stringMatching(/^spec\.clusters: say which clusters/)]],
  [
    'an empty choice in a wave',
    { waves: [{ name: 'a', clusters: { matchLabels: {} } }] },
    [expect.stringMatching(/^spec\.waves\[0\]\.clusters: say which clusters/)],
  ],
  [
    'a deadline too short to tell it from sleep',
    { onFailure: { progressDeadline: '9s' } },
    ['spec.onFailure.progressDeadline: must be at least 10s'],
  ],
  [
    'the rest and a choice',
    { waves: [{ name: 'a', rest: true, max: 1 }] },
    ['spec.waves[0]: rest: true cannot be combined with clusters or max'],
  ],
  [
    'two waves of one name',
    {
      waves: [
        { name: 'a', max: 1 },
        { name: 'a', rest: true },
      ],
    },
    ['spec.waves[1].name: the name a is taken by a wave before'],
  ],
  [
    'a wave after the rest',
    {
      waves: [
        { name: 'a', rest: true },
        { name: 'b', max: 1 },
      ],
    },
    ['spec.waves[1]: never gets a cluster: a wave before takes the rest'],
  ],
  [
    'amounts that are none',
    {
      waves: [
        { name: 'a', max: 0, maxConcurrent: '0%' },
        { name: 'b', max: '101%' },
      ],
      onFailure: { maxFailures: -1 },
    },
    [
      'spec.onFailure.maxFailures: must be a whole number of at least 0, or a share from 0% to 100%',
      'spec.waves[0].max: must be a whole number of at least 1, or a share from 1% to 100%',
      'spec.waves[0].maxConcurrent: must be a whole number of at least 1, or a share from 1% to 100%',
      'spec.waves[1].max: must be a whole number of at least 1, or a share from 1% to 100%',
    ],
  ],
  [
    'a window that never opens',
    { windows: [{ schedule: '0 22 31 2 *', duration: '8d', timeZone: 'Berlin' }] },
    [
      expect.stringContaining('spec.windows[0].duration: '),
      expect.stringContaining('spec.windows[0].schedule: "0 22 31 2 *" never comes'),
      'spec.windows[0].timeZone: is no time zone; say one such as Europe/Berlin',
    ],
  ],
  [
    'a window that is too long',
    { windows: [{ schedule: '0 0 * * *', duration: '169h' }] },
    ['spec.windows[0].duration: must be between 1m and 168h'],
  ],
  ['an unknown field', { wave: [] }, ['spec.wave: unknown field']],
  ['an unknown source', { source: { kind: 'HelmRepository', name: 'a' } }, [expect.stringContaining('spec.source.kind: ')]],
])('%s is refused, with the path', (_, spec, expected) => {
  expect([...problems(spec)].sort()).toEqual(expected)
})

test.each<[number | string, number, number]>([
  [3, 1000, 3],
  ['25%', 10, 2],
  ['2%', 49, 0],
  ['100%', 7, 7],
])('%s of %d is %d', (amount, of, count) => {
  expect(countOf(amount, of)).toBe(count)
})

test('the schema says that an amount is a number or text', () => {
  const schema = structuralSchema(rolloutSpec)
  expect(schema.properties?.waves?.items?.properties?.max).toMatchObject({ 'x-kubernetes-int-or-string': true })
})
