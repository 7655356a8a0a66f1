import { expect, test } from 'vitest'
import type { DesiredFact, Fact, ReleaseFact } from '../../proto/model/facts.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'
import { setDigest } from '../../proto/model/set-members.ts'
import { decide } from './decide.ts'
import { hold } from './hold.ts'
import { NOTHING_HELD } from './model.ts'

const source: ObjectRef = { group: 'source.toolkit.fluxcd.io', kind: 'GitRepository', namespace: 'flux-system', name: 'fleet' }
const object = (name: string): ObjectRef => ({
  group: 'kustomize.toolkit.fluxcd.io',
  kind: 'Kustomization',
  namespace: 'flux-system',
  name,
})
const desired = (name: string, bundle: string, position: bigint): DesiredFact => ({
  kind: 'desired',
  object: object(name),
  source,
  optionsDigest: `options-${name}`,
  content: { bundle },
  position,
})
const release = (revision: string, members: Readonly<Record<string, string>>, position: bigint): ReleaseFact => ({
  kind: 'release',
  source,
  revision,
  setDigest: setDigest(Object.entries(members).map(([name, content]) => ({ object: object(name), content }))),
  position,
})
const cursor = (position: bigint) => ({ lineage: 'l', position })
const after = (facts: readonly Fact[], full = false, from = NOTHING_HELD) => hold(from, { facts, cursor: cursor(9n), full }).holdings
const ask = (holdings: ReturnType<typeof after>, name: string) =>
  decide(holdings, { object: object(name), source, optionsDigest: `options-${name}` })

test('a revision counts only when everything that its release covers is held', () => {
  const partial = after([desired('a', 'sha256:1', 1n), release('main@sha1:1', { a: 'sha256:1', b: 'sha256:2' }, 3n)])
  expect(ask(partial, 'a')).toEqual({ kind: 'waiting', for: 'desired' })
  const whole = after([desired('b', 'sha256:2', 2n)], false, partial)
  expect(ask(whole, 'a')).toEqual({ kind: 'bundle', digest: 'sha256:1', revision: 'main@sha1:1' })
})

test('without a release there is no decision', () => {
  expect(ask(after([desired('a', 'sha256:1', 1n)]), 'a')).toEqual({ kind: 'waiting', for: 'release' })
})

test('an answer to other options is no answer', () => {
  const holdings = after([desired('a', 'sha256:1', 1n), release('r', { a: 'sha256:1' }, 2n)])
  expect(decide(holdings, { object: object('a'), source, optionsDigest: 'changed' })).toEqual({ kind: 'waiting', for: 'desired' })
})

test('an older fact that arrives late changes nothing', () => {
  const holdings = after([desired('a', 'sha256:new', 5n), desired('a', 'sha256:old', 4n), release('r', { a: 'sha256:new' }, 6n)])
  expect(ask(holdings, 'a')).toMatchObject({ digest: 'sha256:new' })
})

test('a full list forgets what it does not name and says so', () => {
  const before = after([desired('a', 'sha256:1', 1n), desired('b', 'sha256:2', 2n), release('r', { a: 'sha256:1', b: 'sha256:2' }, 3n)])
  const { holdings, touched } = hold(before, { facts: [desired('a', 'sha256:1', 1n)], cursor: cursor(1n), full: true })
  expect([...holdings.desired.keys()]).toHaveLength(1)
  expect(touched.objects.size).toBe(2)
  expect(ask(holdings, 'a')).toEqual({ kind: 'waiting', for: 'release' })
})
