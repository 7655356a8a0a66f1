import { expect, test } from 'vitest'
import type { Clock } from './clock.ts'
import { WorkQueue } from './work-queue.ts'

/** A clock that moves when it is told to. */
function aClock() {
  let at = 0
  const sleepers: { readonly due: number; readonly wake: () => void }[] = []
  const clock: Clock = {
    now: () => new Date(at),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        sleepers.push({ due: at + ms, wake: resolve })
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      }),
  }
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve))
  return {
    clock,
    settle,
    async pass(ms: number) {
      at += ms
      for (const { due, wake } of sleepers) if (due <= at) wake()
      await settle()
    },
  }
}

function aQueue(concurrency = 2) {
  const time = aClock()
  const done: string[] = []
  const gates = new Map<string, PromiseWithResolvers<void>>()
  const failures: string[] = []
  const queue = new WorkQueue({
    concurrency,
    clock: time.clock,
    async work(key) {
      done.push(key)
      await gates.get(key)?.promise
    },
    failed: (key) => failures.push(key),
  })
  const hold = (key: string) => {
    const gate = Promise.withResolvers<void>()
    gates.set(key, gate)
    return () => {
      gates.delete(key)
      gate.resolve()
      return time.settle()
    }
  }
  return { queue, done, failures, hold, ...time }
}

test('a key that waits is worked on once, however often it is added', async () => {
  const { queue, done, hold, settle } = aQueue(1)
  const release = hold('a')
  queue.add('a')
  queue.add('b')
  queue.add('b')
  await release()
  await settle()
  expect(done).toEqual(['a', 'b'])
})

test('a key added while it runs runs once more, never twice at a time', async () => {
  const { queue, done, hold, settle } = aQueue()
  const release = hold('a')
  queue.add('a')
  queue.add('a')
  queue.add('a')
  await settle()
  expect(done).toEqual(['a'])
  await release()
  expect(done).toEqual(['a', 'a'])
})

test('an earlier time is brought forward, a later one does not put it off', async () => {
  const { queue, done, pass } = aQueue()
  queue.add('a', 1000)
  queue.add('a', 5000)
  queue.add('b', 5000)
  queue.add('b', 1000)
  await pass(1000)
  expect(done.sort()).toEqual(['a', 'b'])
  await pass(10_000)
  expect(done).toHaveLength(2)
})

test('no more run at once than the queue may', async () => {
  const { queue, done, hold, settle } = aQueue(2)
  const releases = ['a', 'b', 'c'].map(hold)
  for (const key of ['a', 'b', 'c']) queue.add(key)
  await settle()
  expect(done).toEqual(['a', 'b'])
  await releases[0]?.()
  expect(done).toEqual(['a', 'b', 'c'])
  for (const release of releases) await release()
})

test('a key that was forgotten while it waited is not worked on', async () => {
  const { queue, done, pass } = aQueue()
  queue.add('a', 1000)
  queue.forget('a')
  await pass(2000)
  expect(done).toEqual([])
})

test('disposal waits for what runs and lets nothing start after it', async () => {
  const { queue, done, hold, settle } = aQueue()
  const release = hold('a')
  queue.add('a')
  await settle()
  const closed = queue[Symbol.asyncDispose]()
  queue.add('b')
  await release()
  await closed
  expect(done).toEqual(['a'])
})

test('work that rests gives its place to others, and goes on when its wait ends', async () => {
  const { clock, settle } = aClock()
  const done: string[] = []
  const gate = Promise.withResolvers<string>()
  const queue = new WorkQueue({
    concurrency: 1,
    clock,
    async work(key, _signal, rest) {
      done.push(key)
      if (key === 'a') done.push(await rest(gate.promise))
    },
    failed: () => undefined,
  })
  queue.add('a')
  queue.add('b')
  queue.add('a')
  await settle()
  expect(done).toEqual(['a', 'b'])
  gate.resolve('waited')
  await settle()
  expect(done).toEqual(['a', 'b', 'waited', 'a', 'waited'])
})
