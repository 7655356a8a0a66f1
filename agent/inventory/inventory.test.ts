import { expect, test } from 'vitest'
import { FleetError } from '../../proto/base/errors.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { stale, union } from './algebra.ts'
import { formatId, fromEntries, type Item, parseId, toEntries } from './model.ts'
import { keptFor } from './prune.ts'
import { afterFailure, afterPrune } from './survivors.ts'

const rbac = 'rbac.authorization.k8s.io'
test.each([
  ['default_app_apps_Deployment', { namespace: 'default', name: 'app', group: 'apps', kind: 'Deployment' }],
  ['_flux-system__Namespace', { namespace: '', name: 'flux-system', group: '', kind: 'Namespace' }],
  ['default_config__ConfigMap', { namespace: 'default', name: 'config', group: '', kind: 'ConfigMap' }],
  [`_system__controller__job_${rbac}_ClusterRole`, { namespace: '', name: 'system:controller:job', group: rbac, kind: 'ClusterRole' }],
])('the id %s is read and written', (id, ref) => {
  expect(parseId(id)).toEqual(ref)
  expect(formatId(ref)).toBe(id)
})

test.each([
  ['a_b_c_d_e', 'too many fields within'],
  ['a_b', 'too few fields within'],
  ['', 'too few fields within'],
  ['ns___Kind', 'name or kind is empty'],
])('the id %j is refused', (id, problem) => {
  expect(parseId(id)).toEqual({ problem: expect.stringContaining(problem) })
})

const item = (name: string, version = 'v1'): Item => ({ ref: { group: '', kind: 'ConfigMap', namespace: 'ns', name }, version })
const names = (items: readonly Item[]) => items.map(({ ref, version }) => `${ref.name}@${version}`)

test('entries hold each object once, in order, and unreadable ones are named', () => {
  const entries = toEntries([item('b'), item('a'), item('b', 'v2')])
  expect(entries).toEqual([
    { id: 'ns_a__ConfigMap', v: 'v1' },
    { id: 'ns_b__ConfigMap', v: 'v2' },
  ])
  const read = fromEntries([...entries, { id: 'x', v: 'v1' }])
  expect(names(read.items)).toEqual(['a@v1', 'b@v2'])
  expect(read.problems).toHaveLength(1)
})

test('what is stale does not depend on versions', () => {
  expect(names(stale([item('a'), item('b')], [item('a', 'v2')]))).toEqual(['b@v1'])
  expect(names(union([item('a'), item('b')], [item('a', 'v2')]))).toEqual(['a@v2', 'b@v1'])
})

test('keeps an object in the inventory when its delete was refused, and nothing else that was pruned', () => {
  const error = new FleetError('forbidden', 'no')
  const pruned = [
    { kind: 'failed', item: item('refused'), error },
    { kind: 'deleted', item: item('deleted'), uid: 'u' },
    { kind: 'absent', item: item('absent') },
    { kind: 'kept', item: item('foreign'), why: 'not-owned' },
  ] as const
  expect(names(afterPrune([item('applied')], pruned))).toEqual(['applied@v1', 'refused@v1'])
})

test('a run that failed loses nothing that was known', () => {
  expect(names(afterFailure([item('old'), item('both')], [item('both', 'v2'), item('new')]))).toEqual(['both@v2', 'new@v1', 'old@v1'])
})

const owner = { name: 'apps', namespace: 'ns' }
const labels = { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'ns' }
const aLive = (annotations: Record<string, string>, own = labels): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'c', labels: own, annotations },
})
test.each([
  ['ours', aLive({}), undefined],
  ['prune disabled', aLive({ 'kustomize.toolkit.fluxcd.io/prune': 'Disabled' }), 'prune-disabled'],
  ['reconcile disabled', aLive({ 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' }), 'reconcile-disabled'],
  ['ssa Ignore', aLive({ 'kustomize.toolkit.fluxcd.io/ssa': 'Ignore' }), 'ssa-ignore'],
  ['ssa IfNotPresent', aLive({ 'kustomize.toolkit.fluxcd.io/ssa': 'IfNotPresent' }), undefined],
  ['another owner', aLive({}, { ...labels, 'kustomize.toolkit.fluxcd.io/name': 'other' }), 'not-owned'],
  ['an owner of another namespace', aLive({}, { ...labels, 'kustomize.toolkit.fluxcd.io/namespace': 'other' }), 'not-owned'],
])('an object that is %s', (_name, live, why) => {
  expect(keptFor(live, owner)).toBe(why)
})
