import { expect, test } from 'vitest'
import type { Clock } from '../../../proto/base/clock.ts'
import { silentLog } from '../../../proto/base/log.ts'
import type { ImpersonatedKube } from '../../kube/model.ts'
import { openInfoKeeper } from './info.ts'

const MINUTE = 60_000

/** A clock that moves when it is told to. */
function aClock() {
  let at = 0
  const sleepers: { readonly due: number; readonly wake: () => void; readonly signal: AbortSignal }[] = []
  const clock: Clock = {
    now: () => new Date(at),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        sleepers.push({ due: at + ms, wake: resolve, signal })
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      }),
  }
  const pass = async (ms: number) => {
    at += ms
    for (const { due, wake } of sleepers) if (due <= at) wake()
    for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
  }
  return { clock, pass }
}

test('a namespace is told again every ten minutes, also when it was looked at in between', async () => {
  const { clock, pass } = aClock()
  let applied = 0
  const kube = {
    apply: async () => {
      applied++
    },
  } as unknown as ImpersonatedKube
  await using keeper = openInfoKeeper({
    ...{ clock, log: silentLog, random: { next: () => 0 } as never, as: () => kube, mayAct: () => true },
    identify: (namespace) => ({ kind: 'account', account: { namespace, name: 'flotilla-tenant' } }),
    fact: () => ({ kind: 'cluster', name: 'one', labels: {}, variables: {}, position: 1n }),
    namespaces: () => ['shop'],
  })
  keeper.wake()
  await pass(MINUTE)
  expect(applied).toBe(1)
  keeper.wake()
  await pass(MINUTE)
  expect(applied).toBe(1)
  await pass(9 * MINUTE)
  expect(applied).toBe(2)
  await pass(10 * MINUTE)
  expect(applied).toBe(3)
})
