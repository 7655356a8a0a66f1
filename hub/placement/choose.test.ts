import { expect, test } from 'vitest'
import type { PlacementChoice } from '../../proto/model/fleet/placement.ts'
import { chooser } from './choose.ts'

const eu = { name: 'production-eu', labels: { tier: 'production', region: 'eu' }, facts: { kubernetesMinor: 35, mode: 'active' } }

test.each<[string, PlacementChoice]>([
  ['all of them', { all: true }],
  ['its name', { names: ['production-eu', 'other'] }],
  ['its labels', { matchLabels: { tier: 'production', region: 'eu' } }],
  ['a fact that is compared', { expression: 'cluster.facts.kubernetesMinor >= 33' }],
  ['a label that is read with care', { expression: 'cluster.labels.?ring.orValue("1") == "1" && cluster.name.startsWith("prod")' }],
  ['an expression', { matchExpressions: [{ key: 'region', operator: 'In', values: ['eu', 'us'] }] }],
  [
    'every part at once',
    { names: ['production-eu'], matchLabels: { tier: 'production' }, matchExpressions: [{ key: 'x', operator: 'DoesNotExist' }] },
  ],
])('a cluster is chosen by %s', (_name, choice) => expect(chooser(choice)(eu)).toBeUndefined())

test.each<[string, PlacementChoice, string]>([
  ['a selector that says nothing', {}, 'the selector says nothing'],
  ['other names', { names: ['a', 'b'] }, 'its name is not among a, b'],
  [
    'its name beside labels of others',
    { names: ['production-eu'], matchLabels: { tier: 'test' } },
    'its label tier is "production", not test',
  ],
  ['a label that it lacks', { matchLabels: { ring: '1' } }, 'it has no label ring, not 1'],
  [
    'values of others',
    { matchExpressions: [{ key: 'region', operator: 'In', values: ['us', 'ap'] }] },
    'its label region is "eu", not us or ap',
  ],
  ['a value that is excluded', { matchExpressions: [{ key: 'region', operator: 'NotIn', values: ['eu'] }] }, 'its label region is "eu"'],
  [
    'a fact that is too small',
    { expression: 'cluster.facts.kubernetesMinor >= 36' },
    'the expression is false: cluster.facts.kubernetesMinor >= 36',
  ],
  [
    'a label that the expression needs',
    { expression: 'cluster.labels.ring == "1"' },
    'the expression cannot be evaluated: No such key: ring',
  ],
  ['a label beside an expression that holds', { matchLabels: { region: 'us' }, expression: 'true' }, 'its label region is "eu", not us'],
  ['a label that must not be', { matchExpressions: [{ key: 'region', operator: 'DoesNotExist' }] }, 'its label region is "eu"'],
  ['a label that must be', { matchExpressions: [{ key: 'ring', operator: 'Exists' }] }, 'it has no label ring'],
])('a cluster is left out by %s, in words', (_name, choice, why) => expect(chooser(choice)(eu)).toBe(why))
