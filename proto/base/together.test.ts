import { expect, test } from 'vitest'
import { systemClock } from './clock.ts'
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

test('who is first waits a moment for others, and a lane rests as its work was long', async () => {
  const { batches, end, work } = slow()
  const stop = new AbortController()
  const times = [0, 50, 100, 101]
  const slept: number[] = []
  const clock = {
    now: () => new Date(times.shift() ?? 0),
    sleep: async (ms: number) => void slept.push(ms),
  }
  const ask = together({ lanes: 1, most: 2, pace: { gatherMs: 5, rest: 4, clock, signal: stop.signal } }, work)
  const all = Promise.all(['a', 'b', 'c'].map(ask))
  await new Promise(setImmediate)
  expect(batches).toEqual([['a', 'b']])
  await end()
  await end()
  await all
  expect(batches).toEqual([['a', 'b'], ['c']])
  expect(slept).toEqual([5, 200, 4])
})

test('nothing rests once it is stopped', async () => {
  const { batches, end, work } = slow()
  const clock = { now: () => new Date(), sleep: (_ms: number, signal: AbortSignal) => systemClock.sleep(60_000, signal) }
  const ask = together({ lanes: 1, most: 2, pace: { gatherMs: 1, rest: 1, clock, signal: AbortSignal.abort() } }, work)
  const one = ask('a')
  await new Promise(setImmediate)
  expect(batches).toEqual([['a']])
  await end()
  expect(await one).toBe('A')
})
