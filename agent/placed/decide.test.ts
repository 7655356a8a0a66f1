import { expect, test } from 'vitest'
import type { PlacedFact } from '../../proto/model/facts.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { refOf } from '../../proto/model/manifest.ts'
import { PLACEMENT_ANNOTATION } from '../../proto/model/names.ts'
import { clusterInfo } from './cluster-info.ts'
import { decidePlaced, type PlacedView } from './decide.ts'
import { bearsOurHand, isInPlace } from './in-place.ts'
import { Ledger } from './ledger.ts'

const OWNER = 'shop/web'
const aSource = (spec: object = {}, metadata: object = {}): Manifest => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name: 'web', namespace: 'shop', annotations: { [PLACEMENT_ANNOTATION]: OWNER }, ...metadata },
  spec: { url: 'https://x', interval: '1m', ...spec },
})
const manifest = aSource()
const fact = (content: PlacedFact['content']): PlacedFact => ({
  kind: 'placed',
  object: refOf(manifest),
  placement: OWNER,
  content,
  position: 1n,
})
const account = { namespace: 'shop', name: 'flotilla-tenant' }
const look = (o: Partial<PlacedView>) =>
  decidePlaced({
    ...{ fact: fact({ manifest }), live: undefined, ours: false, kept: true, admitted: true },
    ...{
      identity: { kind: 'account', account },
      adoption: { kind: 'acting', noCrossNamespaceRefs: false, defaultServiceAccount: undefined },
    },
    ...o,
  })
const going = (leaving: 'delete' | 'orphan', o: Partial<PlacedView>) => look({ fact: fact({ leaving }), ...o })
const nobodys = aSource({}, { annotations: {} })
const others = aSource({}, { annotations: { [PLACEMENT_ANNOTATION]: 'shop/other' } })
const deleted = aSource({}, { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['finalizers.fluxcd.io'] })
const observing = { adoption: { kind: 'observing', why: 'Flux runs here' } } as const
const refusedIdentity = { identity: { kind: 'refused', reason: 'AccessDenied', message: 'no account' } } as const

test.each<[string, ReturnType<typeof look>, object]>([
  ['is not there: it is made, as the account of its namespace', look({}), { kind: 'apply', account, manifest }],
  ['is as it should be', look({ live: aSource({ timeout: '60s' }) }), { kind: 'in-place' }],
  [
    'is as it should be, and may have more of what was said before: it is written',
    look({ live: manifest, kept: false }),
    { kind: 'apply' },
  ],
  ['was changed: it is put back', look({ live: aSource({ url: 'https://y' }) }), { kind: 'apply' }],
  ['lost its annotation and shows our hand: it is put back', look({ live: nobodys, ours: true }), { kind: 'apply' }],
  [
    'was made by somebody else',
    look({ live: nobodys }),
    { kind: 'refused', message: expect.stringContaining('exists and was not made by this Placement') },
  ],
  [
    'was made by another Placement',
    look({ live: others, ours: true }),
    { kind: 'refused', message: expect.stringContaining('made by Placement shop/other') },
  ],
  [
    'is being deleted: it is made anew afterwards',
    look({ live: deleted }),
    { kind: 'refused', message: expect.stringContaining('waits for finalizers.fluxcd.io') },
  ],
  ['has no identity to be written with', look(refusedIdentity), { kind: 'refused', message: 'no account' }],
  [
    'is of a kind that the cluster does not admit',
    look({ admitted: false }),
    { kind: 'refused', message: expect.stringContaining('local policy') },
  ],
  ["is where Flux's own controllers run", look(observing), { kind: 'refused', message: 'the agent only looks on: Flux runs here' }],
  ['is to go and is not there', going('delete', {}), { kind: 'gone' }],
  [
    'is to go: it is deleted, as the account of its namespace',
    going('delete', { live: manifest }),
    { kind: 'remove', account, live: manifest },
  ],
  ['is to go and is on its way', going('delete', { live: deleted }), { kind: 'removing', message: 'it waits for finalizers.fluxcd.io' }],
  ["is to go and is somebody else's: it stays", going('delete', { live: nobodys }), { kind: 'gone' }],
  ["is to go and is another Placement's: it stays", going('delete', { live: others, ours: true }), { kind: 'gone' }],
  ['is to be let go: it stays', going('orphan', { live: manifest }), { kind: 'gone' }],
  [
    'is to go, and nobody may delete it',
    going('delete', { live: manifest, ...refusedIdentity }),
    { kind: 'removing', message: 'no account' },
  ],
  [
    "is to go where Flux's own controllers run",
    going('delete', { live: manifest, ...observing }),
    { kind: 'removing', message: expect.stringContaining('only looks on') },
  ],
])('an object that %s', (_name, step, expected) => expect(step).toMatchObject(expected))

test("only what the Placement says is compared: defaults, status and a person's suspend are theirs", () => {
  const wanted = aSource({ ref: { branch: 'main' }, include: [] })
  const live = { ...aSource({ ref: { branch: 'main', name: '' }, suspend: true }), status: { x: 1 } }
  expect(isInPlace(live, wanted)).toBe(true)
  expect(isInPlace(aSource({ ref: { branch: 'dev' } }), wanted)).toBe(false)
  expect(isInPlace(aSource({ list: [1] }), aSource({ list: [1, 2] }))).toBe(false)
  expect(isInPlace(aSource({ list: [1, 2] }), aSource({ list: [1] }))).toBe(false)
  expect(isInPlace(aSource(), aSource({}, { labels: { a: 'b' } }))).toBe(false)
})

test("our hand is the field manager of Placements applying, and nobody else's", () => {
  expect(bearsOurHand([{ manager: 'flotilla-placement', operation: 'Apply' }])).toBe(true)
  expect(
    bearsOurHand([
      { manager: 'flotilla-placement', operation: 'Update' },
      { manager: 'kubectl', operation: 'Apply' },
    ]),
  ).toBe(false)
})

test('a correction of what was in place waits as long as patience says, what is new waits for nothing', () => {
  const ledger = new Ledger(() => 1000)
  expect(ledger.waitMs('a', { position: 1n, nowMs: 0 })).toBe(0)
  ledger.inPlace('a', 1n)
  expect(ledger.waitMs('a', { position: 1n, nowMs: 0 })).toBe(1000)
  expect(ledger.waitMs('a', { position: 1n, nowMs: 400 })).toBe(600)
  expect(ledger.waitMs('a', { position: 1n, nowMs: 1000 })).toBe(0)
  expect(ledger.waitMs('a', { position: 2n, nowMs: 0 })).toBe(0)
})

test('tells a namespace of its cluster in names that can be substituted', () => {
  const labels = { region: 'eu', 'topology.kubernetes.io/zone': 'z1', 'a-b': 'first', 'a.b': 'second' }
  const made = clusterInfo({ kind: 'cluster', name: 'one', labels, variables: { size: 'large' }, position: 1n }, 'shop')
  expect(made.metadata).toEqual({ name: 'flotilla-cluster-info', namespace: 'shop' })
  expect(made.data).toEqual({
    cluster_name: 'one',
    cluster_labels_region: 'eu',
    cluster_labels_topology_kubernetes_io_zone: 'z1',
    cluster_labels_a_b: 'first',
    cluster_variables_size: 'large',
  })
})
