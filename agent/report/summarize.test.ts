import { expect, test } from 'vitest'
import type { ReleaseFact } from '../../proto/model/facts.ts'
import type { ConsumerState } from './model.ts'
import { type SummaryInput, summarize } from './summarize.ts'

const source = { group: 'source.toolkit.fluxcd.io', kind: 'GitRepository', namespace: 'flux-system', name: 'fleet' }
const release = (revision: string): ReleaseFact => ({ kind: 'release', source, revision, setDigest: `set-${revision}`, position: 1n })
const at = (name: string, revision: string, ready = true): ConsumerState => ({
  key: name,
  object: { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', namespace: 'flux-system', name },
  ready,
  lastAppliedRevision: revision,
  lastAttemptedRevision: revision,
})
const ask = (input: Partial<SummaryInput> & Pick<SummaryInput, 'release' | 'consumers'>) =>
  summarize({ told: undefined, now: new Date(0), overdue: false, ...input })

test('a revision that all consumers are at is one word', () => {
  const { reached, stragglers } = ask({ release: release('r1'), consumers: [at('a', 'r1'), at('b', 'r1')] })
  expect(reached).toMatchObject({ revision: 'r1', ready: 2, notReady: 0 })
  expect(stragglers).toEqual([])
})

test('while consumers are still following nothing is said', () => {
  expect(ask({ release: release('r2'), consumers: [at('a', 'r2'), at('b', 'r1')] }).reached).toBeUndefined()
})

test('a consumer that is late is named before the others move on', () => {
  const { reached, stragglers } = ask({ release: release('r2'), consumers: [at('a', 'r2'), at('b', 'r1', false)], overdue: true })
  expect(reached).toMatchObject({ revision: 'r2', ready: 1, notReady: 1 })
  expect(stragglers).toMatchObject([{ object: { name: 'b' }, lastAppliedRevision: 'r1', inLine: false }])
})

test('a late consumer that arrives is back in line', () => {
  const { told } = ask({ release: release('r2'), consumers: [at('a', 'r2'), at('b', 'r1', false)], overdue: true })
  const { stragglers } = ask({ release: release('r2'), consumers: [at('a', 'r2'), at('b', 'r2')], told })
  expect(stragglers).toMatchObject([{ object: { name: 'b' }, inLine: true }])
})

test('the same state twice is said once', () => {
  const consumers = [at('a', 'r1')]
  const { told } = ask({ release: release('r1'), consumers })
  expect(ask({ release: release('r1'), consumers, told })).toMatchObject({ reached: undefined, stragglers: [] })
})
