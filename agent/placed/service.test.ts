import { expect, test } from 'vitest'
import { systemClock } from '../../proto/base/clock.ts'
import { silentLog } from '../../proto/base/log.ts'
import type { PlacedFact } from '../../proto/model/facts.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { PLACEMENT_ANNOTATION } from '../../proto/model/names.ts'
import type { PlacedReport } from '../../proto/model/report.ts'
import { createPlaced } from './service.ts'

const OWNER = 'shop/web'
const aSource = (spec: object = {}): Manifest => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name: 'web', namespace: 'shop', annotations: { [PLACEMENT_ANNOTATION]: OWNER } },
  spec: { url: 'https://x', interval: '1m', ...spec },
})

/** An agent over one object, which a server keeps as applied: it takes away what the same manager says no more. */
function anAgent() {
  let fact: PlacedFact | undefined
  let live: Manifest | undefined
  const applied: Manifest[] = []
  const words: PlacedReport[] = []
  const start = () =>
    createPlaced({
      cluster: {
        mirrored: () => live,
        live: async () => live && { manifest: live, managedFields: [] },
        apply: async (_, manifest) => {
          applied.push(manifest)
          live = manifest
        },
        remove: async () => undefined,
      },
      grounds: {
        fact: () => fact,
        identify: (namespace) => ({ kind: 'account', account: { namespace, name: 'flotilla-tenant' } }),
        adoption: () => ({ kind: 'acting', noCrossNamespaceRefs: false, defaultServiceAccount: undefined }),
        admits: () => true,
      },
      voice: { placed: (word) => void words.push(word), forgetPlaced: () => undefined },
      ...{ patience: () => 0, clock: systemClock, random: { next: () => 0 } as never, log: silentLog },
    })
  let lookAfter = start()
  return {
    applied,
    words,
    give(manifest: Manifest, position: bigint) {
      fact = { kind: 'placed', object: refOf(manifest), placement: OWNER, content: { manifest }, position }
    },
    restart() {
      lookAfter = start()
    },
    look: () => lookAfter('web', new AbortController().signal),
  }
}

test('what a Placement says no more goes from the object, also when the agent was away in between', async () => {
  const agent = anAgent()
  agent.give(aSource({ suspend: true, timeout: '60s' }), 1n)
  await agent.look()
  agent.give(aSource({ timeout: '60s' }), 2n)
  await agent.look()
  expect(agent.applied.at(-1)?.spec).not.toHaveProperty('suspend')
  agent.give(aSource(), 3n)
  agent.restart()
  await agent.look()
  expect(agent.applied.at(-1)?.spec).not.toHaveProperty('timeout')
  expect(agent.words.map(({ position, state }) => [position, state])).toEqual([
    [1n, 'placed'],
    [2n, 'placed'],
    [3n, 'placed'],
  ])
})

test('what is in place is written once, and then only looked at', async () => {
  const agent = anAgent()
  agent.give(aSource(), 1n)
  await agent.look()
  await agent.look()
  await agent.look()
  expect(agent.applied).toHaveLength(1)
})
