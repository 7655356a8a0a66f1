import { expect, test } from 'vitest'
import { withinMs } from './time-limit.ts'

test('work that never ends is broken off', () => {
  const forever = () => {
    for (;;);
  }
  expect(withinMs(50, forever)).toBe('too-slow')
  expect(withinMs(50, () => 5)).toEqual({ value: 5 })
})

// On a busy machine an expression that takes no time was too slow, and its object unknown until it changed.
test('work that was kept from a processor is done again', () => {
  let stalls = 2
  const late = () => {
    if (stalls-- > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
    return 'done'
  }
  expect(withinMs(50, late)).toEqual({ value: 'done' })
  expect(stalls).toBeLessThan(0)
})

test('a machine that stands still is not waited for without end', () => {
  const asleep = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60)
  expect(withinMs(10, asleep)).toBe('too-slow')
})
