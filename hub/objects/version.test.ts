import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareVersions, decodeVersion, encodeVersion, frontier, lineageBits } from './version.ts'

const version = fc.record({ xid: fc.bigInt(1n, 2n ** 40n), seq: fc.bigInt(0n, 2n ** 32n - 1n) })

test('a version comes back as it went, with its lineage', () => {
  fc.assert(
    fc.property(version, fc.bigInt(0n, 0xffffn), (given, lineage) => {
      expect(decodeVersion(encodeVersion(given, lineage))).toEqual({ version: given, lineage })
    }),
  )
})

test('within a lineage the numbers are in the order of the versions', () => {
  fc.assert(
    fc.property(version, version, (a, b) => {
      const [left, right] = [BigInt(encodeVersion(a, 9n)), BigInt(encodeVersion(b, 9n))]
      expect(Math.sign(compareVersions(a, b))).toBe(left < right ? -1 : left > right ? 1 : 0)
    }),
  )
})

test('the frontier is after everything below and before everything at or above', () => {
  expect(compareVersions(frontier(10n), { xid: 9n, seq: 2n ** 32n - 2n })).toBe(1)
  expect(compareVersions(frontier(10n), { xid: 10n, seq: 0n })).toBe(-1)
})

test.each(['', '0', '12', '-5', 'abc', '1e9', ' 7', '1'.repeat(60)])('%j is no version', (text) =>
  expect(decodeVersion(text)).toBeUndefined(),
)

test('another history of the database is another lineage', () => {
  expect(lineageBits('db.1.1')).not.toBe(lineageBits('db.1.2'))
  expect(lineageBits('db.1.1')).toBeLessThan(65_536n)
})
