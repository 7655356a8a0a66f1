import { expect, test } from 'vitest'
import type { Clock } from '../../proto/base/clock.ts'
import { sweep } from './sweep.ts'

/** Stands still but for what `work` and sleep take. */
function aClock() {
  let now = 0
  const slept: number[] = []
  const clock: Clock = {
    now: () => new Date(now),
    async sleep(ms, signal) {
      signal.throwIfAborted()
      slept.push(ms)
      now += ms
    },
  }
  const takes = (ms: number) => {
    now += ms
  }
  return { clock, slept, takes }
}

test('a sweep rests nineteen times as long as each piece of work took', async () => {
  const { clock, slept, takes } = aClock()
  const work = async (key: string) => takes(Number(key))
  await sweep(['10', '0', '300'], work, { clock, signal: new AbortController().signal, failed: () => undefined })
  expect(slept).toEqual([190, 0, 5700])
})

test('what cannot be done is told, and the others are done all the same', async () => {
  const done: string[] = []
  const failures: string[] = []
  await sweep(
    ['a', 'b', 'c'],
    async (key) => {
      if (key === 'a') throw new Error('no')
      done.push(key)
    },
    { clock: aClock().clock, signal: new AbortController().signal, failed: (key, error) => void failures.push(`${key}: ${error}`) },
  )
  expect([done, failures]).toEqual([['b', 'c'], ['a: Error: no']])
})

test('a sweep ends when it is told to', async () => {
  const stop = new AbortController()
  const done: string[] = []
  const work = async (key: string) => {
    done.push(key)
    stop.abort(new Error('stopping'))
  }
  await expect(sweep(['a', 'b'], work, { clock: aClock().clock, signal: stop.signal, failed: () => undefined })).rejects.toThrow('stopping')
  expect(done).toEqual(['a'])
})
