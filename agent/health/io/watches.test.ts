import { setImmediate as turn } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { systemClock } from '../../../proto/base/clock.ts'
import { silentLog } from '../../../proto/base/log.ts'
import { systemRandom } from '../../../proto/base/random.ts'
import type { ImpersonatedKube } from '../../kube/model.ts'
import type { Awaited } from '../model.ts'
import { LiveWatches } from './watches.ts'

const OBJECT: Awaited = { ref: { group: '', kind: 'ConfigMap', namespace: 'apps', name: 'c' }, apiVersion: 'v1', owned: false }

/** A client whose watches end a while after they were told to: when the test says so. */
function slowToEnd() {
  const ends = Promise.withResolvers<void>()
  const kube = {
    async *list() {
      yield { resourceVersion: '1', items: [] }
    },
    async *watch(_of: unknown, { signal }: { readonly signal: AbortSignal }) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      await ends.promise
      yield* []
      signal.throwIfAborted()
    },
  }
  return { kube: kube as unknown as ImpersonatedKube, end: ends.resolve }
}

// Who waited again at once for what somebody had just waited for was told that it is not seen yet, to the end.
test('a watch that ends late does not uncover what the one in its place has listed', async () => {
  const { end, kube } = slowToEnd()
  let isCovered = false
  const listener = {
    observed: () => undefined,
    vanished: () => undefined,
    refused: () => undefined,
    covered(_subject: string, _scope: unknown, isLive: boolean) {
      isCovered = isLive
    },
  }
  const watches = new LiveWatches({ as: () => kube, listeners: [listener], clock: systemClock, random: systemRandom, log: silentLog })
  const first = watches.hold('me', [OBJECT])
  await vi.waitUntil(() => isCovered)
  first[Symbol.dispose]()
  expect(isCovered).toBe(false)
  using _second = watches.hold('me', [OBJECT])
  await vi.waitUntil(() => isCovered)
  end()
  await vi.waitUntil(() => watches.size === 1)
  await turn()
  expect(isCovered).toBe(true)
})
