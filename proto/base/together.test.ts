import { expect, test } from 'vitest'
import { together } from './together.ts'

/** Work that ends when it is told to. */
function slow() {
  const batches: (readonly string[])[] = []
  const ends: (() => void)[] = []
  const work = (all: readonly string[]) => {
    batches.push(all)
    return new Promise<readonly string[]>((resolve, reject) => {
      ends.push(() => (all.includes('bad') ? reject(new Error('bad')) : resolve(all.map((one) => one.toUpperCase()))))
    })
  }
  const end = async () => {
    ends.shift()?.()
    await new Promise(setImmediate)
  }
  return { batches, work, end }
}

test('the first does not wait; who comes meanwhile goes together, and each has its own answer', async () => {
  const { batches, end, work } = slow()
  const ask = together({ lanes: 1, most: 10 }, work)
  const all = Promise.all(['a', 'b', 'c'].map(ask))
  expect(batches).toEqual([['a']])
  await end()
  expect(batches).toEqual([['a'], ['b', 'c']])
  await end()
  expect(await all).toEqual(['A', 'B', 'C'])
})

test('no more than so many at once, and no more than so many lanes', async () => {
  const { batches, end, work } = slow()
  const ask = together({ lanes: 2, most: 2 }, work)
  const all = Promise.all(['a', 'b', 'c', 'd', 'e'].map(ask))
  expect(batches).toEqual([['a'], ['b']])
  await end()
  await end()
  expect(batches).toEqual([['a'], ['b'], ['c', 'd'], ['e']])
  await end()
  await end()
  expect(await all).toEqual(['A', 'B', 'C', 'D', 'E'])
})

test('what fails together is tried one by one: only who is to blame fails, and work goes on', async () => {
  const { batches, end, work } = slow()
  const ask = together({ lanes: 1, most: 10 }, work)
  const all = Promise.allSettled(['a', 'bad', 'c'].map(ask))
  for (let count = 0; count < 4; count++) await end()
  expect(batches).toEqual([['a'], ['bad', 'c'], ['bad'], ['c']])
  expect((await all).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  const last = ask('d')
  await end()
  expect(await last).toBe('D')
})
