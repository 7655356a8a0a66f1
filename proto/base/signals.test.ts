import { setTimeout as pause } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { anyOf, within } from './signals.ts'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** Gives what was made in a moment that is over time to be collected. */
async function collected(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    collect()
    await pause(5)
  }
}

function aborted(): AbortSignal {
  const controller = new AbortController()
  setImmediate(() => controller.abort(new Error('stop')))
  return controller.signal
}

test('a signal that was aborted while nobody listened, and is nobody else any more, is not forgotten', async () => {
  const never = new AbortController().signal
  const any = anyOf(never, aborted())
  const nested = anyOf(never, anyOf(never, aborted()))
  const late = within(20, never)
  await pause(60)
  await collected()
  expect([any.aborted, nested.aborted, late.aborted]).toEqual([true, true, true])
  expect(any.reason).toEqual(new Error('stop'))
})

test('what is made again and again of one that lives on is not kept', async () => {
  const { signal } = new AbortController()
  const made = Array.from({ length: 100 }, () => new WeakRef(anyOf(signal)))
  await collected()
  expect(made.filter((one) => one.deref() !== undefined).length).toBeLessThan(2)
})
