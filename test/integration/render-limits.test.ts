import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensureTools } from '../../deploy/tools/tools.mjs'
import { sha256 } from '../../proto/base/hash.ts'
import { KustomizePool } from '../../proto/kustomize/pool.ts'
import { createTree, type TreeReader } from '../../proto/kustomize/tree.ts'
import { buildOptions } from '../../proto/model/flux/build-options.ts'

let program: string
let pool: KustomizePool
const { signal } = new AbortController()

beforeAll(async () => {
  program = (await ensureTools(['flotilla-kustomize']))['flotilla-kustomize']
  pool = new KustomizePool({ program, processes: 2, memoryBytes: 256 << 20, maxOutputBytes: 1 << 20 })
})

afterAll(() => pool[Symbol.asyncDispose]())

function treeOf(files: Readonly<Record<string, string>>): TreeReader {
  const entries = Object.entries(files).map(([path, text]) => ({ path, sha256: sha256(text), size: text.length }))
  return createTree(entries, async ({ path }) => Buffer.from(files[path] ?? ''))
}

const good = treeOf({ 'cm.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: good\n' })
const build = (tree: TreeReader, deadlineMs = 30_000) => pool.build(tree, buildOptions({}), { signal, deadlineMs })

async function timed<T>(work: Promise<T>): Promise<{ result: T; ms: number }> {
  const startedAt = performance.now()
  return { result: await work, ms: performance.now() - startedAt }
}

test('an alias bomb is refused, and a good build beside it is not disturbed', async () => {
  const levels = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(10).fill(`*l${i}`).join(', ')}]`)
  const bomb = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\nl0: &l0 [x, x, x, x]\n${levels.join('\n')}\n`
  const [bad, fine] = await Promise.all([timed(build(treeOf({ 'cm.yaml': bomb }))), build(good)])
  expect(bad.result.kind).not.toBe('built')
  expect(bad.ms).toBeLessThan(20_000)
  expect(fine.kind).toBe('built')
})

test.each([
  ['flow sequences', `a: ${'['.repeat(200_000)}`],
  ['block mappings', Array.from({ length: 3000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
])('%s nested without end are refused', async (_, text) => {
  const { result } = await timed(build(treeOf({ 'cm.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n${text}` })))
  expect(result.kind).not.toBe('failed')
  expect((await build(good)).kind).toBe('built')
})

test('a build that goes on and on is ended at its deadline, and the next one gets a new program', async () => {
  const slow: TreeReader = { ...good, read: () => new Promise(() => undefined) }
  const { result, ms } = await timed(build(slow, 300))
  expect(result).toEqual({ kind: 'failed', message: 'the build took longer than 300 ms' })
  expect(ms).toBeLessThan(5000)
  expect((await build(good)).kind).toBe('built')
})

test('directories without end are refused by the number of looks', async () => {
  const bounded = new KustomizePool({ program, budget: { maxReads: 1000, maxFileBytes: 1 << 20, maxReadBytes: 1 << 20 } })
  const endless: TreeReader = {
    look: (path) => (/(^|\/)[kK]ustomization/.test(path) ? { kind: 'missing' } : { kind: 'directory', path }),
    list: () => ['again/'],
    read: async () => new Uint8Array(),
  }
  const result = await bounded.build(endless, buildOptions({}), { signal, deadlineMs: 30_000 })
  expect(result).toMatchObject({ kind: 'problem', problem: { cause: 'budget', message: 'the build looks at more than 1000 paths' } })
  await bounded[Symbol.asyncDispose]()
})

test('kustomizations that include each other ever deeper are bounded', async () => {
  const files: Record<string, string> = {}
  for (let i = 0; i < 14; i++) files[`${i}/kustomization.yaml`] = `namePrefix: a-\nresources: [../${i + 1}/a, ../${i + 1}/b]\n`
  for (let i = 1; i < 14; i++)
    for (const side of ['a', 'b']) files[`${i}/${side}/kustomization.yaml`] = `nameSuffix: -${side}\nresources: [..]\n`
  for (const side of ['a', 'b']) files[`14/${side}/cm.yaml`] = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n'
  for (const side of ['a', 'b']) files[`14/${side}/kustomization.yaml`] = 'resources: [cm.yaml]\n'
  files['kustomization.yaml'] = 'resources: ["0"]\n'
  const { result, ms } = await timed(build(treeOf(files), 3000))
  expect(result.kind).not.toBe('built')
  expect(ms).toBeLessThan(10_000)
  expect((await build(good)).kind).toBe('built')
})

test('a file too large is refused by name, unread', async () => {
  const tree = createTree([{ path: 'big.yaml', sha256: 'sha256:x', size: 100 << 20 }], () => Promise.reject(new Error('was read')))
  expect(await build(tree)).toMatchObject({
    kind: 'problem',
    problem: { cause: 'budget', message: 'big.yaml has 104857600 bytes, 8388608 are allowed in a build' },
  })
})

test('a result too large is refused', async () => {
  const text = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  x: "${'x'.repeat(1_100_000)}"\n`
  expect(await build(treeOf({ 'cm.yaml': text }))).toMatchObject({ kind: 'problem', problem: { cause: 'budget' } })
})

test('memory without end ends the program and nothing else', async () => {
  const small = new KustomizePool({ program, processes: 1, memoryBytes: 90 << 20 })
  const file = (i: number) =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a${i}\ndata:\n${Array.from({ length: 20_000 }, (_, n) => `  k${n}: v`).join('\n')}\n`
  const tree = treeOf(Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`${i}.yaml`, file(i)])))
  expect(await small.build(tree, buildOptions({}), { signal, deadlineMs: 60_000 })).toEqual({
    kind: 'failed',
    message: 'the build needs more than 94371840 bytes of memory',
  })
  expect((await small.build(good, buildOptions({}), { signal, deadlineMs: 60_000 })).kind).toBe('built')
  await small[Symbol.asyncDispose]()
})

test('a build that is stopped ends with the reason it was stopped for', async () => {
  const stop = new AbortController()
  const slow: TreeReader = { ...good, read: () => new Promise(() => undefined) }
  const building = pool.build(slow, buildOptions({}), { signal: stop.signal, deadlineMs: 30_000 })
  stop.abort(new Error('enough'))
  await expect(building).rejects.toThrow('enough')
  expect((await build(good)).kind).toBe('built')
})

test('builds wait their turn and all come out', async () => {
  const results = await Promise.all(Array.from({ length: 40 }, () => build(good)))
  expect(results.every(({ kind }) => kind === 'built')).toBe(true)
})
