import { expect, test } from 'vitest'
import type { PlacementSpec } from '../../proto/model/fleet/placement.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { formatRef } from '../../proto/model/object-ref.ts'
import { examine } from './admit.ts'
import { type Decision, decide, type Hold, pair, type Situation, wishes } from './decide.ts'
import { revisionOf } from './expand.ts'
import { explainer } from './explain.ts'
import type { ClusterFacts, PlacedRow, PlacementFacts } from './model.ts'

const v = (path: string) => `\${cluster.${path}}`
const source = (name = 'web', spec: object = {}, namespace?: string): Manifest => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name, ...(namespace ? { namespace } : {}) },
  spec: { url: 'https://git.example.com/web', interval: '1m', ...spec },
})
const aCluster = (name: string, more: Partial<ClusterFacts> = {}): ClusterFacts => ({
  ...{ id: `c-${name}`, name, labels: { region: 'eu' }, facts: {}, variables: {}, capabilities: ['placements'] },
  ...{ tenants: new Map([['shop', ['shop', 'shop-data']]]), ...more },
})
const aPlacement = (name: string, spec: Partial<PlacementSpec> = {}, more: Partial<PlacementFacts> = {}): PlacementFacts => ({
  ...{ uid: `u-${name}`, namespace: 'shop', name, generation: 1, tenant: 'shop', firstNamespace: 'shop', leaving: false },
  spec: { clusters: { all: true }, objects: [source()], onUnmatch: 'delete', ...spec } as PlacementSpec,
  ...more,
})
const TAKEN = new Map([
  ['shop', 'shop'],
  ['shop-data', 'shop'],
  ['flux-system', 'platform'],
])

/** Settles everything against what is there, and gives the decision with what is there afterwards. */
function run(
  placements: readonly PlacementFacts[],
  clusters: readonly ClusterFacts[],
  o: { present?: readonly PlacedRow[]; holds?: readonly Hold[]; earlier?: Situation['earlier'] } = {},
) {
  const { earlier = new Map(), holds = [], present = [] } = o
  const wished = wishes({ placements, clusters, isDue: () => true, taken: TAKEN, holds, earlier })
  const decision = decide(wished, {
    present,
    due: () => true,
    onUnmatch: ({ placement }) => placements.find(({ uid }) => uid === placement)?.spec.onUnmatch,
  })
  const key = ({ clusterId, ref }: PlacedRow) => `${clusterId} ${formatRef(ref)}`
  const after = [...new Map([...present, ...decision.rows].map((row) => [key(row), row])).values()]
  return { ...decision, after }
}
const rows = ({ rows: written }: Pick<Decision, 'rows'>) =>
  written.map(({ clusterId, leaving, owner, ref }) => `${clusterId} ${formatRef(ref)} ${owner} ${leaving ?? 'stays'}`)
const problems = ({ targets }: Decision) =>
  targets.flatMap((target) => target.problems.map(({ message }) => `${target.clusterId}: ${message}`))

test("objects go to the tenant's first namespace, marked with their Placement; clusters with the same values share the content", () => {
  const done = run([aPlacement('web')], [aCluster('a'), aCluster('b')])
  expect(rows(done)).toEqual(['c-a GitRepository/shop/web shop/web stays', 'c-b GitRepository/shop/web shop/web stays'])
  expect([...done.manifests.values()].map(({ metadata }) => metadata)).toEqual([
    { name: 'web', namespace: 'shop', annotations: { 'fleet.flotilla.dev/placement': 'shop/web' } },
  ])
})

test('each cluster gets its own values; one without a value is a problem by name, and the others go on', () => {
  const placement = aPlacement('web', { objects: [source('web', { ref: { branch: v('labels.ring') } })] })
  const done = run([placement], [aCluster('a', { labels: { ring: 'one' } }), aCluster('b'), aCluster('c', { labels: { ring: 'two' } })])
  expect(Array.from(done.manifests.values(), ({ spec }) => (spec as { ref: object }).ref)).toEqual([{ branch: 'one' }, { branch: 'two' }])
  expect(problems(done)).toEqual([`c-b: ${v('labels.ring')} has no value: the cluster has no label ring`])
})

test('a value that makes an object wrong is a problem of that cluster', () => {
  const placement = aPlacement('web', { objects: [source('web', { interval: v('variables.interval') })] })
  const done = run([placement], [aCluster('a', { variables: { interval: '5m' } }), aCluster('b', { variables: { interval: 'often' } })])
  expect(rows(done)).toHaveLength(1)
  expect(problems(done)[0]).toMatch(/^c-b: spec.interval: /)
})

test('a cluster where something is in the way keeps what it has, all of it', () => {
  const before = run([aPlacement('web', { objects: [source('web'), source('more')] })], [aCluster('a')])
  const changed = aPlacement('web', { objects: [source('web', { url: v('variables.url') })] })
  const done = run([changed], [aCluster('a')], { present: before.after })
  expect(rows(done)).toEqual([])
  expect(problems(done)).toHaveLength(1)
})

test('the same situation twice writes nothing the second time', () => {
  const situation = [[aPlacement('web')], [aCluster('a'), aCluster('b')]] as const
  expect(rows(run(...situation, { present: run(...situation).after }))).toEqual([])
})

test('what is no longer chosen, or no longer among the objects, leaves as the Placement says', () => {
  const before = run([aPlacement('web', { objects: [source('web'), source('more')] })], [aCluster('a'), aCluster('b')])
  const fewer = aPlacement('web', { objects: [source('web')], clusters: { names: ['a'] }, onUnmatch: 'orphan' })
  expect(rows(run([fewer], [aCluster('a'), aCluster('b')], { present: before.after }))).toEqual([
    'c-a GitRepository/shop/more shop/web orphan',
    'c-b GitRepository/shop/web shop/web orphan',
    'c-b GitRepository/shop/more shop/web orphan',
  ])
})

test('a cluster that is chosen again before its objects went keeps them', () => {
  const before = run([aPlacement('web')], [aCluster('a')])
  const left = run([aPlacement('web', { clusters: { names: ['none'] } })], [aCluster('a')], { present: before.after })
  expect(rows(run([aPlacement('web')], [aCluster('a')], { present: left.after }))).toEqual(['c-a GitRepository/shop/web shop/web stays'])
})

test('of two that give a cluster the same object the first made keeps it, and the second is refused by its name', () => {
  const both = [aPlacement('first'), aPlacement('second', { clusters: { names: ['a'] } })]
  const done = run(both, [aCluster('a'), aCluster('b')])
  expect(rows(done)).toEqual(['c-a GitRepository/shop/web shop/first stays', 'c-b GitRepository/shop/web shop/first stays'])
  expect(problems(done)).toEqual(['c-a: Placement shop/first already gives the cluster this object'])
  expect(done.targets.find(({ placement }) => placement === 'u-second')?.blocked).toBe(true)
})

test('who has the object keeps it, whoever was made first; and while it goes nobody else gets it', () => {
  const second = aPlacement('second')
  const { after } = run([second], [aCluster('a')])
  const both = [aPlacement('first'), second]
  expect(problems(run(both, [aCluster('a')], { present: after }))).toEqual([
    'c-a: Placement shop/second already gives the cluster this object',
  ])
  const leaving = run([aPlacement('first'), aPlacement('second', {}, { leaving: true })], [aCluster('a')], { present: after })
  expect(rows(leaving)).toEqual(['c-a GitRepository/shop/web shop/second delete'])
  expect(problems(leaving)).toEqual(['c-a: Placement shop/second already gives the cluster this object'])
  expect(problems(run([aPlacement('first')], [aCluster('a')], { present: leaving.after }))).toEqual([
    'c-a: Placement shop/second is still taking this object out of the cluster',
  ])
})

test("a tenant reaches its own clusters and namespaces, and the platform no tenant's", () => {
  const served = aCluster('a')
  const other = aCluster('b', { tenants: new Map() })
  expect(rows(run([aPlacement('web')], [served, other]))).toHaveLength(1)
  const crossing = aPlacement('web', { objects: [source('web', {}, v('variables.namespace'))] })
  expect(problems(run([crossing], [aCluster('a', { variables: { namespace: 'flux-system' } })]))).toEqual([
    "c-a: namespace flux-system is not one of tenant shop's: shop, shop-data",
  ])
  const platform = { namespace: 'flux-system', tenant: 'platform', firstNamespace: 'flux-system' }
  expect(rows(run([aPlacement('web', {}, platform)], [other]))).toEqual(['c-b GitRepository/flux-system/web flux-system/web stays'])
  const into = aPlacement('web', { objects: [source('web', {}, v('variables.namespace'))] }, platform)
  expect(problems(run([into], [aCluster('a', { variables: { namespace: 'shop' } })]))).toEqual([
    "c-a: namespace shop is tenant shop's; put the Placement there",
  ])
  expect(rows(run([aPlacement('web', {}, { tenant: undefined })], [served]))).toEqual([])
})

test("what lies in a namespace that is the tenant's no more leaves, and its new owner may have it", () => {
  const both = { objects: [source('web'), source('data', {}, 'shop-data')] }
  const before = run([aPlacement('web', both)], [aCluster('a')]).after
  const narrowed = aCluster('a', {
    tenants: new Map([
      ['shop', ['shop']],
      ['bank', ['shop-data']],
    ]),
  })
  const held = [{ placement: 'u-web', clusterId: 'c-a', revision: undefined }]
  for (const holds of [[], held]) {
    const after = run([aPlacement('web', both)], [narrowed], { present: before, holds })
    expect(rows(after)).toEqual(['c-a GitRepository/shop-data/data shop/web delete'])
  }
  expect(problems(run([aPlacement('web', both)], [narrowed], { present: before }))).toEqual([
    "c-a: namespace shop-data is not one of tenant shop's: shop",
  ])
})

test('an agent that knows no Placements is a problem, one that has said nothing yet is not', () => {
  const done = run([aPlacement('web')], [aCluster('old', { capabilities: ['calls'] }), aCluster('new', { capabilities: undefined })])
  expect(problems(done)).toEqual(['c-old: its agent knows no Placements; update it'])
  expect(rows(done)).toHaveLength(1)
})

test("two objects that a cluster's values make the same are a problem", () => {
  const placement = aPlacement('web', { objects: [source(v('labels.region')), source('eu')] })
  expect(problems(run([placement], [aCluster('a')]))).toEqual(['c-a: two objects of the Placement are this one here'])
})

test('a held cluster has the revision that it was granted, and without a grant what it has', () => {
  const old = [source('web', { interval: '9m' })]
  const before = run([aPlacement('web', { objects: old })], [aCluster('a'), aCluster('b')])
  const holds = [
    { placement: 'u-web', clusterId: 'c-a', revision: undefined },
    { placement: 'u-web', clusterId: 'c-b', revision: revisionOf(old) },
    { placement: 'u-web', clusterId: 'c-new', revision: undefined },
  ]
  const clusters = [aCluster('a'), aCluster('b'), aCluster('new'), aCluster('free')]
  const earlier = new Map([[pair('u-web', revisionOf(old)), old]])
  const done = run([aPlacement('web')], clusters, { present: before.after, holds, earlier })
  expect(rows(done)).toEqual(['c-free GitRepository/shop/web shop/web stays'])
  expect(done.targets.map(({ clusterId, revision }) => [clusterId, revision])).toEqual([
    ['c-a', undefined],
    ['c-b', revisionOf(old)],
    ['c-new', undefined],
    ['c-free', revisionOf([source()])],
  ])
})

test('a Placement that is about to be written hears of foreign namespaces, of variables of no cluster, and of choosing nobody', () => {
  const ask = (spec: Partial<PlacementSpec>, more: Partial<PlacementFacts> = {}) =>
    examine({ placement: aPlacement('web', spec, more), clusters: [aCluster('a')], taken: TAKEN })
  expect(ask({}).warnings).toEqual([])
  expect(ask({ objects: [source('web', {}, 'flux-system')] }).problems).toEqual([
    { path: 'spec.objects[0].metadata.namespace', message: "flux-system is not one of tenant shop's namespaces" },
  ])
  expect(ask({ objects: [source('web', { url: v('variables.x') })], clusters: { names: ['gone'] } }).warnings).toEqual([
    'spec.clusters chooses no cluster that there is now',
    `${v('variables.x')} has a value in no cluster`,
  ])
  expect(ask({}, { tenant: undefined }).problems).toEqual([{ path: 'metadata.namespace', message: 'shop belongs to no tenant' }])
})

test('explains a cluster by the first part that leaves it out, or by what became of each object', () => {
  const ref = { group: 'source.toolkit.fluxcd.io', kind: 'GitRepository', namespace: 'shop', name: 'web' }
  const detail = {
    clusterId: 'c-a',
    problems: [],
    state: 'failed',
    rows: [{ ref, leaving: undefined, state: 'refused', message: 'it is not ours' }],
  } as const
  expect(explainer(aPlacement('web', { clusters: { names: ['b'] } }))(aCluster('a'), undefined)).toEqual({
    cluster: 'a',
    state: 'left-out',
    reasons: ['its name is not among b'],
  })
  expect(explainer(aPlacement('web'))(aCluster('a'), detail)).toEqual({
    cluster: 'a',
    state: 'failed',
    reasons: ['GitRepository/shop/web: it is not ours'],
  })
  const placed = { ...detail, state: 'placed', rows: [{ ref, leaving: undefined, state: 'placed', message: '' }] } as const
  expect(explainer(aPlacement('web'))(aCluster('a'), placed).reasons).toEqual(['all parts of the selector hold; 1 object is there'])
})
