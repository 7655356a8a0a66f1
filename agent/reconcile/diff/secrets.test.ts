import { expect, test } from 'vitest'
import { secretTexts } from './secrets.ts'

const NONE = { values: {}, open: {}, told: [], before: [], objects: [] }
const texts = (given: Partial<Parameters<typeof secretTexts>[0]>) => [...secretTexts({ ...NONE, ...given })].sort()

test('what Secrets give is secret, and what the release that is there has in its place', () => {
  const open = { db: { host: 'db', port: 1 }, size: 3 }
  const values = { db: { host: 'db', port: 1, password: 'new' }, size: 3 }
  const before = { db: { host: 'old-host', port: 2, password: 'old' }, size: 2 }
  expect(texts({ values, open, before: [before] })).toEqual(['new', 'old'])
})

test('a value that a Secret gives instead of an open one is secret', () => {
  expect(texts({ values: { user: 'root' }, open: { user: 'nobody' }, before: [{ user: 'admin' }] })).toEqual(['admin', 'root'])
})

test('of values that are gone nobody knows where they came from: they are secret, but for short words and what is open elsewhere', () => {
  const before = { gone: 'some-text', on: 'yes', tag: '1.2.3', list: ['left'] }
  expect(texts({ values: { image: { tag: '1.2.3' } }, open: { image: { tag: '1.2.3' } }, before: [before] })).toEqual(['left', 'some-text'])
})

test('a list that a Secret gives is secret item by item', () => {
  expect(
    texts({ values: { users: [{ name: 'a', key: 'k1' }] }, open: {}, before: [{ users: [{ name: 'b' }] }, { users: [{ name: 'c' }] }] }),
  ).toEqual(['a', 'b', 'c', 'k1'])
})

test('what was read of Secrets is secret although the values do not hold it as it is', () => {
  expect(texts({ values: { a: 1 }, open: { a: 1 }, told: ['a\\,b'] })).toEqual(['a\\,b'])
})

test('what the Secrets of the release hold is secret, where it is no everyday word', () => {
  const metadata = { name: 'web' }
  const data = { password: Buffer.from('long-enough').toString('base64'), user: Buffer.from('admin').toString('base64') }
  const objects = [
    { apiVersion: 'v1', kind: 'Secret', metadata, data, stringData: { token: 'also-long-enough' } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { text: 'open-for-everybody' } },
  ]
  expect(texts({ objects })).toEqual(['also-long-enough', 'long-enough'])
})
