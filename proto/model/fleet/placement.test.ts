import { expect, test } from 'vitest'
import type { Manifest } from '../manifest.ts'
import { parseResource } from '../resource/parse.ts'
import { variablesIn, withVariables } from './cluster-variables.ts'
import { PLACEMENT } from './kinds.ts'

const v = (path: string) => `\${cluster.${path}}`
/** For the cluster's own substitution. */
const OTHER = `\${region:=eu}`
const source = (name = 'web', more: object = {}) => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name },
  spec: { url: 'https://git.example.com/web', interval: '1m' },
  ...more,
})
const placement = (spec: object): Manifest => ({
  apiVersion: 'fleet.flotilla.dev/v1alpha1',
  kind: 'Placement',
  metadata: { name: 'web', namespace: 'team-a' },
  spec: { clusters: { all: true }, objects: [source()], ...spec },
})
const problems = (spec: object) => {
  const parsed = parseResource(PLACEMENT, placement(spec), { strict: true })
  return 'problems' in parsed ? parsed.problems.map(({ message, path }) => `${path}: ${message}`) : []
}

test('a Placement deletes what it no longer gives unless it says otherwise', () => {
  const parsed = parseResource(PLACEMENT, placement({}), { strict: true })
  expect('object' in parsed && parsed.object.spec).toMatchObject({ onUnmatch: 'delete', clusters: { all: true } })
})

test.each([
  [
    'no selector',
    { clusters: {} },
    'spec.clusters: say which clusters: names, matchLabels, matchExpressions or expression, or all: true for every one',
  ],
  ['empty parts', { clusters: { names: [], matchLabels: {} } }, /^spec.clusters: say which clusters/],
  [
    'an expression that excludes nothing',
    { clusters: { matchExpressions: [{ key: 'ring', operator: 'NotIn', values: [] }] } },
    /^spec.clusters: In and NotIn in matchExpressions need values/,
  ],
  ['values that mean nothing', { clusters: { matchExpressions: [{ key: 'ring', operator: 'Exists', values: ['x'] }] } }, /take none$/],
  ['all and some', { clusters: { all: true, names: ['a'] } }, /^spec.clusters: all: true cannot be combined/],
  [
    'an expression that cannot be read',
    { clusters: { expression: '1 +' } },
    'spec.clusters.expression: cannot be read: Unexpected token: EOF',
  ],
  ['a misspelt expression', { clusters: { expression: 'cluster.lables.a == "b"' } }, /cannot be read: No such key: lables/],
  ['an expression that is a text', { clusters: { expression: 'cluster.name' } }, /is a string, and has to be true or false/],
  ['a pattern', { clusters: { expression: 'cluster.name.matches("^(.|.)*!$")' } }, /calls matches\(\), which is not allowed/],
  [
    'values made of each other',
    { clusters: { expression: 'cel.bind(a, cluster.name + cluster.name, cel.bind(b, a + a, b == a))' } },
    /calls bind\(\), which is not allowed/,
  ],
  ['a loop in a loop', { clusters: { expression: '[1, 2].all(a, [1, 2].all(b, a == b))' } }, /has all\(\) inside of another loop/],
  ['no objects', { objects: [] }, /^spec.objects: /],
  ['an object that is none', { objects: [{ kind: 'x' }] }, 'spec.objects[0]: must have apiVersion, kind and metadata.name'],
  [
    'another kind',
    { objects: [source('web', { apiVersion: 'v1', kind: 'Secret' })] },
    /^spec.objects\[0\].kind: v1 Secret is no Flux kind/,
  ],
  [
    'a version that Flux dropped',
    { objects: [source('web', { apiVersion: 'source.toolkit.fluxcd.io/v1beta1' })] },
    /v1beta1 GitRepository is no Flux kind/,
  ],
  ['a wrong spec', { objects: [source('web', { spec: { url: 'https://x', interval: 'soon' } })] }, /^spec.objects\[0\]: spec.interval: /],
  [
    'an unknown field',
    { objects: [source('web', { spec: { url: 'https://x', interval: '1m', branch: 'main' } })] },
    'spec.objects[0]: spec.branch: unknown field',
  ],
  ['a status', { objects: [source('web', { status: {} })] }, /^spec.objects\[0\].status: cannot be placed/],
  [
    'a finalizer',
    { objects: [source('web', { metadata: { name: 'web', finalizers: ['x'] } })] },
    /^spec.objects\[0\].metadata.finalizers: cannot be placed/,
  ],
  ['the same object twice', { objects: [source(), source()] }, 'spec.objects[1]: GitRepository web is in the list twice'],
  [
    'a variable that is none',
    { objects: [source('web', { spec: { url: v('lables.x'), interval: '1m' } })] },
    /^spec.objects\[0\]: \$\{cluster.lables.x\} is no variable/,
  ],
  ['another onUnmatch', { onUnmatch: 'keep' }, /^spec.onUnmatch: /],
])('a Placement with %s is refused with the path', (_name, spec, expected) => {
  const [first = ''] = problems(spec)
  if (typeof expected === 'string') expect(first).toBe(expected)
  else expect(first).toMatch(expected)
})

test('what has variables is not judged before they have values', () => {
  expect(problems({ objects: [source('web', { spec: { url: 'https://x', interval: v('variables.interval') } })] })).toEqual([])
})

test('variables are found in every string once, whatever their key looks like', () => {
  const value = { a: [v('name'), `x-${v('labels.topology.kubernetes.io/region')}-${v('name')}`], b: { c: v('facts.nodes') }, d: 1 }
  expect(variablesIn(value).variables).toEqual([
    { text: 'cluster.facts.nodes', of: 'facts', key: 'nodes' },
    { text: 'cluster.labels.topology.kubernetes.io/region', of: 'labels', key: 'topology.kubernetes.io/region' },
    { text: 'cluster.name', of: 'name', key: '' },
  ])
})

test('variables stand in keys as in values', () => {
  const value = { [v('name')]: { [`$${v('name')}`]: v('labels.region') } }
  expect(variablesIn(value).variables.map(({ text }) => text)).toEqual(['cluster.labels.region', 'cluster.name'])
  expect(withVariables(value, ({ of }) => of)).toEqual({ name: { [v('name')]: 'labels' } })
})

test('other variables are left to the cluster, a doubled sign is taken literally, and values are not read again', () => {
  const lookUp = () => v('labels.nested')
  expect(withVariables([`$${v('name')}`, OTHER, `<${v('variables.a')}>`], lookUp)).toEqual([v('name'), OTHER, `<${v('labels.nested')}>`])
  expect(variablesIn(`$${v('nonsense')}`)).toEqual({ variables: [], unknown: [] })
})
