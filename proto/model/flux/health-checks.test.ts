import { expect, test } from 'vitest'
import type { Health } from '../health.ts'
import type { Manifest } from '../manifest.ts'
import { readHealthChecks } from './health-checks.ts'

const ready = (status: string) => ({ conditions: [{ type: 'Ready', status }] })
const cert = (status?: object, generation = 2): Manifest => ({
  apiVersion: 'cert-manager.io/v1',
  kind: 'Certificate',
  metadata: { name: 'x', generation },
  ...(status ? { status } : {}),
})
const is = (status: string) => `status.conditions.filter(e, e.type == 'Ready').all(e, e.status == '${status}')`
const certificate = {
  apiVersion: 'cert-manager.io/v1',
  kind: 'Certificate',
  inProgress: 'has(status.conditions) && status.conditions.exists(e, e.type == "Issuing" && e.status == "True")',
  failed: is('False'),
  current: is('True'),
}

type Given = NonNullable<Parameters<typeof readHealthChecks>[0]>

function judged(given: Given, object: Manifest): Health | undefined {
  const checks = readHealthChecks(given)
  if ('problem' in checks) throw new Error(checks.problem)
  expect(checks.covers({ group: 'cert-manager.io', kind: 'Certificate' })).toBe(checks.judge(cert({})) !== undefined)
  return checks.judge(object)
}

test.each<[string, object, string]>([
  [
    'what is in progress is that, whatever else is true',
    { conditions: [{ type: 'Issuing', status: 'True' }, ...ready('False').conditions] },
    'InProgress',
  ],
  ['then failed', ready('False'), 'Failed'],
  ['then current', ready('True'), 'Current'],
  ['none of them', ready('Unknown'), 'InProgress'],
  ['not seen in its present generation', { ...ready('True'), observedGeneration: 1 }, 'InProgress'],
  ['seen in its present generation', { ...ready('True'), observedGeneration: 2 }, 'Current'],
])('%s', (_name, status, expected) => {
  expect(judged([certificate], cert(status))).toEqual({ status: expected, message: '' })
})

test('an object that is being deleted, or Ready by its conditions, is judged by the expressions alone', () => {
  const leaving = { ...cert(ready('True')), metadata: { name: 'x', deletionTimestamp: '2026-01-01T00:00:00Z' } }
  expect(judged([certificate], leaving)?.status).toBe('Current')
  expect(judged([{ ...certificate, current: 'metadata.generation > 2' }], cert(ready('True')))?.status).toBe('InProgress')
})

test('only the group of an apiVersion counts; what names a kind comes before what is for all of a group', () => {
  const group = { apiVersion: 'cert-manager.io/v1alpha2', current: 'true' }
  expect(judged([group], cert())?.status).toBe('Current')
  expect(judged([group, { ...certificate, current: 'false' }], cert(ready('True')))?.status).toBe('InProgress')
  expect(judged([group], { ...cert(), apiVersion: 'v1', kind: 'Secret' })).toBeUndefined()
  expect(judged([{ ...certificate, kind: 'Issuer' }], cert())).toBeUndefined()
})

test.each<[string, string, string]>([
  [
    'reads what is not there',
    'status.phase == "Ready"',
    `failed to evaluate the CEL expression 'status.phase == "Ready"': No such key: phase`,
  ],
  ['says neither yes nor no', 'metadata.name', "failed to evaluate CEL expression as boolean: 'metadata.name'"],
])('an expression that %s makes an object Unknown, with the reason', (_name, current, message) => {
  expect(judged([{ ...certificate, inProgress: '', failed: '', current }], cert({}))).toEqual({ status: 'Unknown', message })
})

test.each<[string, Given, string]>([
  [
    'a text that is none',
    [certificate, { ...certificate, kind: 'B', failed: 'a b' }],
    /healthchecks\[1\]: failed to parse the expression Failed: failed to parse the CEL expression 'a b': /.source,
  ],
  ['a number', [{ ...certificate, current: '1 + 1' }], 'it is a int, and has to be true or false'],
  ['nothing', [{ ...certificate, current: '' }], 'healthchecks.0.: expression Current not specified'],
  ['patterns', [{ ...certificate, current: 'metadata.name.matches("(a+)+")' }], 'matches.. is not allowed'],
  [
    'two for one kind',
    [certificate, { ...certificate, apiVersion: 'cert-manager.io/v2' }],
    'duplicate custom health check for GroupKind Certificate.cert-manager.io at healthchecks.1.',
  ],
])('%s is told before anything is judged', (_name, given, message) => {
  expect(readHealthChecks(given)).toEqual({ problem: expect.stringMatching(message) })
})

test('an expression that does not end is broken off, and not tried again', () => {
  const many = Array.from({ length: 3_000 }, (_, at) => at)
  const loops = 'status.many.all(a, status.many.all(b, status.many.all(c, a + b + c >= 0)))'
  const checks = readHealthChecks([{ ...certificate, inProgress: '', failed: '', current: loops }])
  if ('problem' in checks) throw new Error(checks.problem)
  const slow = { status: 'Unknown', message: expect.stringContaining('it takes more than 100 ms') }
  expect(checks.judge(cert({ many }))).toEqual(slow)
  const at = performance.now()
  expect(checks.judge(cert({ many }))).toEqual(slow)
  expect(performance.now() - at).toBeLessThan(90)
})
