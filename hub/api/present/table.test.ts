import { expect, test } from 'vitest'
import type { Manifest } from '../../../proto/model/manifest.ts'
import type { PrinterColumn } from '../../../proto/model/resource/kind.ts'
import { age } from './age.ts'
import { jsonPath } from './json-path.ts'
import { table } from './table.ts'

const NOW = new Date('2026-01-02T00:00:00Z')

test.each([
  ['2026-01-01T23:59:15Z', '45s'],
  ['2026-01-01T23:54:50Z', '5m10s'],
  ['2026-01-01T23:20:00Z', '40m'],
  ['2026-01-01T20:30:00Z', '3h30m'],
  ['2026-01-01T12:00:00Z', '12h'],
  ['2025-12-29T20:00:00Z', '3d4h'],
  ['2025-12-01T00:00:00Z', '32d'],
  ['2022-12-23T00:00:00Z', '3y11d'],
  ['2026-01-03T00:00:00Z', '0s'],
  [undefined, '<unknown>'],
])('an object of %s is %s old', (since, expected) => expect(age(since, NOW)).toBe(expected))

const OBJECT: Manifest = {
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name: 'a', labels: { 'fleet.flotilla.dev/cluster': 'one' }, creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { list: ['x', 'y'], deep: [{ name: 'p', value: 7 }] },
  status: { conditions: [{ type: 'Ready', status: 'True' }], 'dotted.name': 'd' },
}

test.each([
  ['.metadata.name', 'a'],
  ['.status.conditions[?(@.type=="Ready")].status', 'True'],
  ['.status.conditions[?(@.type=="Other")].status', undefined],
  ['.spec.deep[0].value', 7],
  ['.spec.deep[3].value', undefined],
  ['.status.dotted\\.name', 'd'],
  [".status['dotted.name']", 'd'],
  ['.spec.constructor', undefined],
])('the path %s leads to %s', (path, expected) => expect(jsonPath(path, OBJECT)).toBe(expected))

const columns: readonly PrinterColumn[] = [
  { name: 'List', type: 'string', jsonPath: '.spec.list' },
  { name: 'Deep', type: 'integer', jsonPath: '.spec.deep[0].value', priority: 1 },
  { name: 'None', type: 'string', jsonPath: '.spec.none' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
]

test('a table has the name first, wide columns with a priority, and nothing where nothing is', () => {
  const made = table([OBJECT], { columns, withCluster: false, include: 'Metadata', now: NOW, metadata: {}, definitions: true })
  expect(made).toMatchObject({
    kind: 'Table',
    columnDefinitions: [
      { name: 'Name' },
      { name: 'List', priority: 0 },
      { name: 'Deep', priority: 1 },
      { name: 'None' },
      { name: 'Age', type: 'string' },
    ],
    rows: [{ cells: ['a', 'x,y', 7, null, '24h'], object: { kind: 'PartialObjectMetadata', metadata: { name: 'a' } } }],
  })
})

test('the view over all clusters has the cluster first', () => {
  const made = table([OBJECT], { columns: [], withCluster: true, include: 'None', now: NOW, metadata: {}, definitions: false })
  expect(made).toMatchObject({ columnDefinitions: null, rows: [{ cells: ['one', 'a'] }] })
  expect(made.rows).not.toHaveProperty([0, 'object'])
})
