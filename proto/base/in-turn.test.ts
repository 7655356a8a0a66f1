import { expect, test } from 'vitest'
import { InTurn } from './in-turn.ts'

function counting() {
  const turn = new InTurn()
  const asked: string[] = []
  const question = (name: string) =>
    turn.asked(async (all: readonly number[]) => {
      asked.push(`${name} ${all}`)
      await new Promise(setImmediate)
      if (all.includes(13)) throw new Error('thirteen')
      return all.map((one) => one * 2)
    })
  return { turn, asked, first: question('first'), second: question('second') }
}

test('what several ask is asked once, and each has its own answer', async () => {
  const { asked, first, turn } = counting()
  expect(await Promise.all([1, 2, 3].map((one) => turn.go(() => first(one))))).toEqual([2, 4, 6])
  expect(asked).toEqual(['first 1,2,3'])
})

test('who has a question more is waited for, and goes on with the others', async () => {
  const { asked, first, second, turn } = counting()
  const go = (one: number) =>
    turn.go(async () => {
      const again = one === 2 ? await first(await first(one)) : await first(one)
      return second(again)
    })
  expect(await Promise.all([1, 2, 3].map(go))).toEqual([4, 16, 12])
  expect(asked).toEqual(['first 1,2,3', 'first 4', 'second 2,6,8'])
})

test('who does something alone is waited for, and who has gone through is not', async () => {
  const { asked, first, turn } = counting()
  const alone = async () => {
    await turn.alone(() => new Promise(setImmediate))
    return first(1)
  }
  expect(await Promise.all([turn.go(alone), turn.go(() => first(2)), turn.go(async () => 0)])).toEqual([2, 4, 0])
  expect(asked).toEqual(['first 2,1'])
})

test('a failure is of all that asked with it, and of nobody else', async () => {
  const { asked, first, second, turn } = counting()
  const together = await Promise.allSettled([
    ...[1, 13].map((one) => turn.go(() => first(one))),
    turn.go(() => second(4)),
    turn.go(async () => second(await first(13).catch(() => 5))),
  ])
  expect(together.map((one) => (one.status === 'fulfilled' ? one.value : one.status))).toEqual(['rejected', 'rejected', 8, 10])
  expect(asked).toEqual(['first 1,13,13', 'second 4,5'])
})

test('nothing is asked twice at once', async () => {
  const turn = new InTurn()
  let running = 0
  const most: number[] = []
  const question = () =>
    turn.asked(async (all: readonly number[]) => {
      most.push(++running)
      await new Promise(setImmediate)
      running--
      return all
    })
  const [a, b] = [question(), question()]
  await Promise.all([turn.go(() => a(1)), turn.go(() => b(2)), turn.go(() => turn.alone(async () => void most.push(++running, --running)))])
  expect(Math.max(...most)).toBe(1)
})
