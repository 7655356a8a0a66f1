import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await openTestHub()
})
afterAll(() => hub?.[Symbol.asyncDispose]())

test('join-token create -o json prints the token', async () => {
  const { code, out, said } = await hub.flotilla(['join-token', 'create', '-o', 'json'])
  expect(said).toBe('')
  expect(code).toBe(0)
  expect(JSON.parse(out).token).toMatch(/./)
})
