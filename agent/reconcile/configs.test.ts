import { beforeEach, expect, test } from 'vitest'
import type { Clock } from '../../proto/base/clock.ts'
import { ConfigReaders } from './configs.ts'

const clock: Clock = { now: () => new Date('2026-01-01T00:00:00Z'), sleep: () => Promise.resolve() }
const account = { namespace: 'apps', name: 'runner' }
const ref = { kind: 'Secret', namespace: 'apps', name: 'values' } as const
const at = { ...ref, account }
let told: string[]
let readers: ConfigReaders

beforeEach(() => {
  told = []
  readers = new ConfigReaders({
    clock,
    changed: (key, waitMs) => told.push(`${key} after ${waitMs}`),
    patience: (fight, now) => ({ fight: { rounds: (fight?.rounds ?? 0) + 1, lastAt: now }, waitMs: (fight?.rounds ?? 0) * 1000 }),
  })
  readers.hold('web', [ref], account)
})

test.each<[string, string | undefined, string | undefined, number]>([
  ['the version that was read', '5', '5', 0],
  ['an older version, which comes late', '5', '4', 0],
  ['a newer version', '5', '6', 1],
  ['its end', '5', undefined, 1],
  ['what was not there', undefined, '6', 1],
])('%s', (_name, read, seen, times) => {
  readers.read('web', at, read)
  readers.seen(at, seen)
  readers.seen(at, seen)
  expect(told).toHaveLength(times)
})

test('what a watch tells before anybody has read concerns nobody, and is known when an older version is read after it', () => {
  readers.seen(at, '6')
  expect(told).toEqual([])
  readers.read('web', at, '5')
  expect(told).toEqual(['web after 0'])
  readers.read('web', at, '6')
  expect(told).toHaveLength(1)
})

test('all who have read it are told, and what keeps changing later each time', () => {
  readers.hold('shop', [ref, ref], account)
  readers.read('web', at, '5')
  readers.read('shop', at, '5')
  readers.seen(at, '6')
  readers.seen(at, '7')
  expect(told).toEqual(['web after 0', 'shop after 0', 'web after 1000', 'shop after 1000'])
})

test('watches are wanted where somebody takes values from, once per identity, kind and namespace', () => {
  expect(readers.hold('web', [ref], account)).toBe(false)
  expect(readers.hold('shop', [{ ...ref, name: 'other' }], account)).toBe(true)
  expect([...readers.scopes().values()]).toEqual([{ account, kind: 'Secret', namespace: 'apps' }])
  readers.hold('shop', [ref], { ...account, name: 'somebody' })
  expect(readers.scopes().size).toBe(2)
  readers.forget('shop')
  readers.forget('web')
  expect(readers.scopes().size).toBe(0)
  readers.seen(at, '9')
  expect(told).toEqual([])
})
