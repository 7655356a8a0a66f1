import { expect, test } from 'vitest'
import { InTurn } from './in-turn.ts'

function counting() {
  const turn = new InTurn()
  const batches: (readonly number[])[] = []
  const double = turn.asked(async (all: readonly number[]) => {
    batches.push([...all])
    await new Promise(setImmediate)
    if (all.includes(13)) throw new Error('thirteen')
    return all.map((one) => one * 2)
  })
  return { turn, batches, double }
}

test('who asks in the same turn is answered together, each with its own answer', async () => {
  const { batches, double } = counting()
  expect(await Promise.all([1, 2, 3].map(double))).toEqual([2, 4, 6])
  expect(batches).toEqual([[1, 2, 3]])
})

test('what follows from the answers goes together again', async () => {
  const { batches, double } = counting()
  await Promise.all([1, 2].map(async (one) => double(await double(one))))
  expect(batches).toEqual([
    [1, 2],
    [2, 4],
  ])
})

test('different questions go one after the other', async () => {
  const { double, turn } = counting()
  const order: string[] = []
  const ask = (name: string) =>
    turn.asked(async (all: readonly string[]) => {
      order.push(`${name} begins`)
      await new Promise(setImmediate)
      order.push(`${name} ends`)
      return all
    })
  await Promise.all([ask('a')('x'), ask('b')('y'), double(1)])
  expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends'])
})

test('a failure is of all that asked with it, and of nobody else', async () => {
  const { double } = counting()
  const together = await Promise.allSettled([1, 13].map(double))
  expect(together.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await double(4)).toBe(8)
})
