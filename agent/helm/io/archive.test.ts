import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { packChart } from '../../../test/support/charts.ts'
import { readArchive } from './archive.ts'

test('a chart archive tells its name, its versions and the definitions of its crds folders, those of inner charts included', async () => {
  const found = await readArchive(await packChart('crds'))
  expect(found).toMatchObject({ name: 'crds', version: expect.stringMatching(/^\d/) })
  const names = 'crds' in found ? found.crds.map(({ metadata }) => metadata.name).toSorted() : []
  expect(names).toHaveLength(2)
  expect(names.map((name) => name.split('.')[0])).toEqual(['gadgets', 'widgets'])
})

test.each<[string, () => Promise<Uint8Array>, string]>([
  ['what is no archive', async () => Buffer.from('hello'), 'the chart archive cannot be read: '],
  ['what is cut off', async () => (await packChart('app')).subarray(0, 200), 'the chart archive cannot be read: '],
  ['what unpacks to too much', async () => gzipSync(Buffer.alloc(65 << 20)), 'the chart archive cannot be read: it unpacks to too much'],
  [
    'an archive without a chart',
    async () => packChart('app', { 'Chart.yaml': 'apiVersion: v2\n' }),
    'the archive is no chart: Chart.yaml with name and version is missing',
  ],
])('%s is refused with a sentence', async (_name, bytes, problem) => {
  expect(await readArchive(await bytes())).toEqual({ problem: expect.stringContaining(problem) })
})
