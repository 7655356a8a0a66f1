import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { sha256 } from '../../../proto/base/hash.ts'
import { createTree } from '../../../proto/kustomize/tree.ts'
import { packChart } from './pack-chart.ts'

const SIGNAL = AbortSignal.timeout(5000)
const treeOf = (files: Readonly<Record<string, string | Buffer>>) =>
  createTree(
    Object.entries(files).map(([path, text]) => ({ path, sha256: sha256(text), size: text.length })),
    async ({ path }) => Buffer.from(files[path] ?? ''),
  )
const archive = async (files: Readonly<Record<string, string | Buffer>>) => {
  const packed = await packChart(treeOf(files), SIGNAL)
  return 'archive' in packed ? Buffer.from(packed.archive) : packed.problem
}

test('the one file of a tree is the chart, byte for byte', async () => {
  const tgz = gzipSync('whatever')
  expect(await archive({ 'app-1.0.0.tgz': tgz })).toEqual(tgz)
})

test('a tree that is a chart is packed, equal trees equally', async () => {
  const first = await archive({ 'app/Chart.yaml': 'name: app', 'app/values.yaml': 'a: 1' })
  expect(await archive({ 'app/values.yaml': 'a: 1', 'app/Chart.yaml': 'name: app' })).toEqual(first)
  expect(await archive({ 'app/Chart.yaml': 'name: app', 'app/values.yaml': 'a: 2' })).not.toEqual(first)
})

test('a tree that is no chart is told', async () => {
  expect(await archive({ 'Chart.yaml': 'name: app' })).toContain('no directory with a Chart.yaml')
  expect(await archive({ 'one.txt': 'text' })).toContain('is no chart')
})

test('a chart is made again where any of its files is another', async () => {
  const reads = async (files: Readonly<Record<string, string>>) => JSON.stringify((await packChart(treeOf(files), SIGNAL)).reads)
  const first = await reads({ 'app/Chart.yaml': 'a', 'app/x': 'b' })
  expect(await reads({ 'app/Chart.yaml': 'a', 'app/x': 'b' })).toBe(first)
  for (const other of [
    { 'app/Chart.yaml': 'a', 'app/x': 'c' },
    { 'app/Chart.yaml': 'a', 'app/x': 'b', 'app/y': '' },
  ] as Record<string, string>[])
    expect(await reads(other)).not.toBe(first)
})
