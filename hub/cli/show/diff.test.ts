import { expect, test } from 'vitest'
import { differs, type ReleaseDiff } from '../../../proto/model/diff.ts'
import { diffText, readDiff } from './diff.ts'

const aDiff = (more: Partial<ReleaseDiff> = {}): ReleaseDiff => ({
  kind: 'HelmReleaseDiff',
  metadata: { name: 'web', namespace: 'shop' },
  release: { name: 'shop/web', version: 3 },
  step: 'nothing',
  reason: '',
  chart: { from: 'web@1.0.0', to: 'web@1.0.0' },
  objects: [],
  unchanged: 4,
  notes: [],
  ...more,
})

test('an upgrade is told with its charts, what becomes of each object and field, and a sum', () => {
  const upgrade = aDiff({
    step: 'upgrade',
    reason: 'release chart changed',
    held: 'it is suspended',
    chart: { from: 'web@1.0.0', to: 'web@1.1.0' },
    objects: [
      { object: 'ConfigMap/shop/new', apiVersion: 'v1', what: 'created' },
      {
        object: 'Deployment/shop/web',
        apiVersion: 'apps/v1',
        what: 'changed',
        fields: [
          { path: '/spec/template/spec/containers/0/image', from: 'web:1', to: 'web:2' },
          { path: '/metadata/annotations/example.com~1note', to: '' },
          { path: '/spec/replicas', from: 3 },
          { path: '/spec/password', from: '***', to: '***' },
        ],
      },
      { object: 'ConfigMap/shop/file', apiVersion: 'v1', what: 'changed', fields: [{ path: '/data/f', from: 'a\nb\n', to: 'a\n' }] },
      { object: 'Service/shop/old', apiVersion: 'v1', what: 'deleted' },
      { object: 'Role/shop/web', apiVersion: 'rbac.authorization.k8s.io/v1', what: 'refused', message: 'it\nmay not' },
    ],
    notes: ['hooks run: migrate (pre-upgrade)'],
  })
  expect(diffText(upgrade, 'staging')).toBe(`staging: HelmRelease shop/web would be upgraded: release chart changed
  ◎ not now: it is suspended
  release shop/web v3, chart web@1.0.0 → web@1.1.0
  + ConfigMap/shop/new
  ~ Deployment/shop/web
      spec.template.spec.containers[0].image: web:1 → web:2
      metadata.annotations["example.com/note"]: → ""
      spec.replicas: 3 → gone
      spec.password: changes, ***
  ~ ConfigMap/shop/file
      data.f:
        - a
        - b
        + a
  - Service/shop/old
  ✗ Role/shop/web would be refused: it; may not
  ◎ hooks run: migrate (pre-upgrade)
  1 created, 2 changed, 1 deleted, 1 refused, 4 unchanged
`)
})

test('an install has no version yet, and a locked release no objects', () => {
  const install = aDiff({ step: 'install', release: { name: 'shop/web' }, chart: { to: 'web@1.0.0' }, unchanged: 0 })
  expect(diffText(install, 'a')).toContain('would be installed\n  release shop/web, chart web@1.0.0\n  no objects\n')
  expect(diffText(aDiff({ step: 'unlock', unchanged: 0 }), 'a')).toContain('is locked\n')
})

test('what a cluster holds does not reach the terminal as a command', () => {
  const fields = [{ path: '/data/a', from: 'x', to: '\u001b[2Jy' }]
  expect(diffText(aDiff({ objects: [{ object: 'ConfigMap/a', apiVersion: 'v1', what: 'changed', fields }] }), 'a')).toContain('x →  [2Jy')
})

test('there is a difference where an object would change, or the release', () => {
  const one = { object: 'ConfigMap/a', apiVersion: 'v1', what: 'changed' } as const
  const cases = [aDiff(), aDiff({ step: 'test' }), aDiff({ step: 'upgrade' }), aDiff({ objects: [one] })]
  expect(cases.map(differs)).toEqual([false, false, true, true])
})

test('what is no diff is not taken for one', () => {
  expect(() => readDiff({ kind: 'Status' })).toThrow('different versions')
})
