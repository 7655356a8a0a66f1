import { expect, test } from 'vitest'
import { parseFluxObject } from '../../proto/model/flux/parse.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import type { MirroredObject } from '../mirror/model.ts'
import { consumerIn } from './consumers.ts'
import { keysAfter } from './triggers.ts'

const mirrored = (name: string, o: { spec?: object; status?: object } = {}): MirroredObject => {
  const spec = { interval: '1m', prune: true, sourceRef: { kind: 'GitRepository', name: 'fleet' }, ...o.spec }
  const manifest: Manifest = {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name, namespace: 'a', generation: 1 },
    spec,
    status: o.status ?? {},
  }
  return { ref: refOf(manifest), manifest, parsed: parseFluxObject(manifest) }
}
const all = [mirrored('infra'), mirrored('apps', { spec: { dependsOn: [{ name: 'infra' }] } })]
const kustomizations = () => all.flatMap((one) => consumerIn(one) ?? [])
const key = (name: string) => `kustomize.toolkit.fluxcd.io/Kustomization/a/${name}`
const ready = (revision: string) => ({
  lastAppliedRevision: revision,
  conditions: [
    { type: 'Ready', status: 'True', reason: 'ReconciliationSucceeded', message: '', lastTransitionTime: '2026-11-21T10:00:00Z' },
  ],
})
const infra = (status: object) => mirrored('infra', { status })

test('a change of the spec brings the object itself', () => {
  expect(keysAfter({ ref: infra({}).ref, before: infra({}), after: infra({}), changes: ['spec'] }, kustomizations)).toEqual([key('infra')])
})

test('our own status brings nobody but those that wait for what it says', () => {
  const [before, after, later] = [infra(ready('r1')), infra(ready('r2')), infra({ ...ready('r2'), lastHandledReconcileAt: 'x' })]
  expect(keysAfter({ ref: before.ref, before, after, changes: ['status'] }, kustomizations)).toEqual([key('apps')])
  expect(keysAfter({ ref: before.ref, before: after, after: later, changes: ['status'] }, kustomizations)).toEqual([])
})

test('a source that appears brings its consumers', () => {
  const ref = { group: 'source.toolkit.fluxcd.io', kind: 'GitRepository', namespace: 'a', name: 'fleet' }
  const found = keysAfter({ ref, before: undefined, after: undefined, changes: ['added'] }, kustomizations)
  expect(found).toEqual(['source.toolkit.fluxcd.io/GitRepository/a/fleet', key('infra'), key('apps')])
})

test('a HelmRelease waits for HelmReleases, and follows the chart that is made for it', () => {
  const release = (name: string, o: { spec?: object; status?: object } = {}): MirroredObject => {
    const chart = { spec: { chart: 'app', sourceRef: { kind: 'HelmRepository', name: 'charts', namespace: 'b' } } }
    const manifest: Manifest = {
      apiVersion: 'helm.toolkit.fluxcd.io/v2',
      kind: 'HelmRelease',
      metadata: { name, namespace: 'a', generation: 1 },
      spec: { interval: '1m', chart, ...o.spec },
      status: o.status ?? {},
    }
    return { ref: refOf(manifest), manifest, parsed: parseFluxObject(manifest) }
  }
  const [before, after] = [release('db'), release('db', { status: { observedGeneration: 1, lastAttemptedRevision: '1.0.0' } })]
  const app = release('app', { spec: { dependsOn: [{ name: 'db' }] } })
  const releases = () => [before, app].flatMap((one) => consumerIn(one) ?? [])
  expect(keysAfter({ ref: before.ref, before, after, changes: ['status'] }, releases)).toEqual(['helm.toolkit.fluxcd.io/HelmRelease/a/app'])
  const ref = { group: 'source.toolkit.fluxcd.io', kind: 'HelmChart', namespace: 'b', name: 'a-app' }
  const found = keysAfter({ ref, before: undefined, after: undefined, changes: ['added'] }, releases)
  expect(found).toEqual(['source.toolkit.fluxcd.io/HelmChart/b/a-app', 'helm.toolkit.fluxcd.io/HelmRelease/a/app'])
  const chart = (observedGeneration: number, lastHandledReconcileAt = ''): MirroredObject => {
    const manifest: Manifest = {
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'HelmChart',
      metadata: { name: 'a-app', namespace: 'b', generation: 2 },
      spec: { chart: 'app', interval: '1m', sourceRef: { kind: 'HelmRepository', name: 'charts' } },
      status: { observedGeneration, lastHandledReconcileAt },
    }
    return { ref, manifest, parsed: parseFluxObject(manifest) }
  }
  const told = (was: MirroredObject, is: MirroredObject) => keysAfter({ ref, before: was, after: is, changes: ['status'] }, releases)
  expect(told(chart(1), chart(2))).toEqual(['helm.toolkit.fluxcd.io/HelmRelease/a/app'])
  expect(told(chart(2), chart(2, 'x'))).toEqual([])
})
