import { expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import type { LiveFact } from '../drift/model.ts'
import { isImmutable, refused } from './classify.ts'
import { atFirst, type Given, onBoth, onDryRun, onLive, onRefusal } from './plan.ts'
import type { Comparison } from './ports.ts'

const rules: Comparison = {
  factOf: (object) => fact({ owned: String(object.hash ?? '') }),
  desiredHash: () => 'd',
  isExcluded: (object) => object.excluded === true,
  differences: (live, dryRun) => (live.hash === dryRun.hash ? [] : ['/hash']),
  takeOver: (live) => (live.foreign ? [{ op: 'remove', path: '/x' }] : []),
}
const fact = (more: Partial<LiveFact> = {}): LiveFact => ({
  uid: 'u',
  resourceVersion: '5',
  owned: 'h',
  excluded: false,
  foreign: false,
  owner: undefined,
  ...more,
})
const object = (more: Partial<Manifest> = {}, annotations: Record<string, string> = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'c', annotations },
  ...more,
})
const once = { 'kustomize.toolkit.fluxcd.io/ssa': 'IfNotPresent' }
const given = (more: Partial<Given> = {}): Given => ({
  desired: object(),
  hash: 'd',
  known: { kind: 'unknown' },
  remembered: undefined,
  force: false,
  ...more,
})
const present = (more: Partial<LiveFact> = {}): Given['known'] => ({ kind: 'present', fact: fact(more) })
const inOrder = { desired: 'd', owned: 'h' }

test.each<[string, Partial<Given>, unknown]>([
  ['a build that excludes it', { desired: object({ excluded: true }) }, { kind: 'skip' }],
  ['a live object that excludes it', { known: present({ excluded: true }) }, { kind: 'skip' }],
  ['IfNotPresent and an object', { desired: object({}, once), known: present() }, { kind: 'skip' }],
  ['IfNotPresent and nothing known', { desired: object({}, once) }, 'read'],
  ['nothing known', {}, 'try'],
  ['nothing known but remembered', { remembered: inOrder }, 'try'],
  ['all as it was', { known: present(), remembered: inOrder }, { kind: 'unchanged' }],
  ['a new build', { known: present(), remembered: { ...inOrder, desired: 'old' } }, 'try'],
  ['a changed live object', { known: present({ owned: 'other' }), remembered: inOrder }, 'try'],
  ['a field of kubectl', { known: present({ foreign: true }), remembered: inOrder }, 'try'],
])('before asking, with %s', (_name, more, expected) => {
  expect(atFirst(given(more), rules)).toEqual(expected)
})

const version = { metadata: { name: 'c', resourceVersion: '5' } }
test.each<[string, Partial<Given>, Partial<Manifest>, unknown]>([
  ['an object that does not exist', {}, {}, { kind: 'apply', action: 'created', handOver: [] }],
  ['an object nothing is known of', {}, version, undefined],
  ['a known object with a field of kubectl', { known: present({ foreign: true }) }, version, undefined],
  ['an object known in another version', { known: present({ resourceVersion: '4' }) }, version, undefined],
  ['a known object that would not change', { known: present() }, { ...version, hash: 'h' }, { kind: 'unchanged' }],
  [
    'a known object that would change',
    { known: present() },
    { ...version, hash: 'x' },
    { kind: 'apply', action: 'configured', handOver: [] },
  ],
])('after the dry-run of %s', (_name, more, dryRun, expected) => {
  const plan = onDryRun(given(more), object(dryRun), rules)
  expect(plan && 'live' in plan ? { kind: plan.kind } : plan).toEqual(expected)
})

test('live object and dry-run decide together', () => {
  expect(onBoth(object(), { live: object({ hash: 1 }), dryRun: object({ hash: 1 }) }, rules).kind).toBe('unchanged')
  expect(onBoth(object(), { live: object({ hash: 1 }), dryRun: object({ hash: 2 }) }, rules)).toMatchObject({
    kind: 'apply',
    action: 'configured',
  })
  expect(onBoth(object(), { live: object({ hash: 1, foreign: true }), dryRun: object({ hash: 1 }) }, rules)).toMatchObject({
    handOver: [{ op: 'remove' }],
  })
  expect(onLive(object(), object({ excluded: true }), rules)).toEqual({ kind: 'skip' })
  expect(onLive(object({}, once), object(), rules)).toEqual({ kind: 'skip' })
  expect(onLive(object({}, once), undefined, rules)).toBeUndefined()
})

const invalid = { code: 'invalid', reason: 'Invalid', message: 'field is immutable' } as const
const forced = { 'kustomize.toolkit.fluxcd.io/force': 'Enabled' }
test.each<[string, Given, Manifest | undefined, string]>([
  ['not forced', given(), object(), 'refuse'],
  ['forced', given({ force: true }), object(), 'recreate'],
  ['forced by the build', given({ desired: object({}, forced) }), object(), 'recreate'],
  ['forced by the live object', given(), object({}, forced), 'recreate'],
  ['forced without an object', given({ force: true }), undefined, 'refuse'],
])('an immutable field, %s', (_name, input, live, expected) => {
  expect(onRefusal(input, invalid, live).kind).toBe(expected)
})

test.each([
  ['invalid', 'x', true],
  ['conflict', 'x', true],
  ['forbidden', 'spec is immutable', true],
  ['forbidden', 'denied', false],
  ['not-found', 'namespaces "x" not found', false],
] as const)('%s with "%s" counts as immutable: %s', (code, message, expected) => {
  expect(isImmutable({ code, reason: '', message })).toBe(expected)
})

test('values of a Secret do not appear in its refusal', () => {
  const secret = object({ kind: 'Secret', data: { k: Buffer.from('hunter2').toString('base64') }, stringData: { l: 'swordfish' } })
  const why = {
    code: 'invalid',
    reason: 'Invalid',
    message: 'bad hunter2, aHVudGVyMg== and swordfish, got &value.valueUnstructured{Value:12}',
  } as const
  expect(refused(secret, 'dry-run', why).message).toBe(
    'Secret/c dry-run failed (Invalid): bad [secret], [secret] and [secret], got &value.[secret]',
  )
})
