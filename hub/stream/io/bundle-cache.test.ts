import { expect, test } from 'vitest'
import { cachedBundles } from './bundle-cache.ts'

function counting(sizes: Readonly<Record<string, number>>, mostBytes: number) {
  const reads: string[] = []
  const get = cachedBundles(async (digest) => {
    reads.push(digest)
    await new Promise(setImmediate)
    const size = sizes[digest]
    return size === undefined ? undefined : { encoding: 'zstd', bytes: Buffer.alloc(size) }
  }, mostBytes)
  return { reads, get }
}

test('a bundle that many ask for at once is read once', async () => {
  const { get, reads } = counting({ a: 10 }, 100)
  const got = await Promise.all([get('a'), get('a'), get('a')])
  expect(got.map((one) => one?.bytes.length)).toEqual([10, 10, 10])
  await get('a')
  expect(reads).toEqual(['a'])
})

test('those asked for last are kept, up to so many bytes', async () => {
  const { get, reads } = counting({ a: 40, b: 40, c: 40, large: 101 }, 100)
  for (const digest of ['a', 'b', 'a', 'c', 'a', 'b', 'large', 'large', 'a']) await get(digest)
  expect(reads).toEqual(['a', 'b', 'c', 'b', 'large', 'large'])
})

test('what is not there is asked for again', async () => {
  const { get, reads } = counting({}, 100)
  expect(await get('a')).toBeUndefined()
  expect(await get('a')).toBeUndefined()
  expect(reads).toEqual(['a', 'a'])
})
