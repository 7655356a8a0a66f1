import { expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { correction } from './correction.ts'
import { differences } from './diff.ts'
import { withoutIgnored } from './ignore.ts'

const object = (o: object = {}): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'app', namespace: 'apps' },
  ...o,
})
const stepsFor = (live: Manifest, wanted: Manifest) => correction(live, wanted, differences(live, wanted))

test('what was changed is replaced, what is missing added, what is too much removed', () => {
  const live = object({ spec: { replicas: 5, extra: true } })
  const wanted = object({ spec: { replicas: 1, paused: false } })
  expect(stepsFor(live, wanted)).toEqual([
    { op: 'add', path: '/spec/paused', value: false },
    { op: 'replace', path: '/spec/replicas', value: 1 },
    { op: 'remove', path: '/spec/extra' },
  ])
})

test('the end of a list is taken away from behind', () => {
  const steps = stepsFor(object({ spec: { args: ['a', 'b', 'c', 'd'] } }), object({ spec: { args: ['x', 'b'] } }))
  expect(steps).toEqual([
    { op: 'replace', path: '/spec/args/0', value: 'x' },
    { op: 'remove', path: '/spec/args/3' },
    { op: 'remove', path: '/spec/args/2' },
  ])
})

test('labels of an object that has none get a place first', () => {
  const wanted = object({ metadata: { name: 'app', namespace: 'apps', labels: { 'a/b': 'c' } } })
  expect(stepsFor(object(), wanted)).toEqual([
    { op: 'add', path: '/metadata/labels', value: {} },
    { op: 'add', path: '/metadata/labels/a~1b', value: 'c' },
  ])
})

test.each<[string, Parameters<typeof withoutIgnored>[2], readonly string[]]>([
  ['a path', [{ paths: ['/spec/replicas'] }], ['/spec/a/0', '/spec/replicasX']],
  ['all under a path', [{ paths: ['/spec/a'] }], ['/spec/replicas', '/spec/replicasX']],
  ['the whole object', [{ paths: [''] }], []],
  ['a kind by pattern', [{ paths: [''], target: { kind: 'Deploy.*', name: 'a.p', namespace: 'apps' } }], []],
  ['another kind', [{ paths: [''], target: { kind: 'Deploy' } }], ['/spec/replicas', '/spec/a/0', '/spec/replicasX']],
  ['other labels', [{ paths: [''], target: { labelSelector: 'a=b' } }], ['/spec/replicas', '/spec/a/0', '/spec/replicasX']],
  ['a pattern that could take for ever', [{ paths: [''], target: { name: '(a+)+p' } }], ['/spec/replicas', '/spec/a/0', '/spec/replicasX']],
])('a rule for %s', (_name, rules, left) => {
  expect(withoutIgnored(object(), ['/spec/replicas', '/spec/a/0', '/spec/replicasX'], rules)).toEqual(left)
})
