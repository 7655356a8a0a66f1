import { expect, test } from 'vitest'
import type { Call } from '../../proto/model/call.ts'
import { requestOf, withoutSecrets } from './call.ts'

const ks = {
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  object: { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', namespace: 'a', name: 'b' },
}
const secret = { apiVersion: 'v1', object: { group: '', kind: 'Secret', namespace: 'a', name: 'b' } }
const body = (value: unknown) => Buffer.from(JSON.stringify(value))
const manifest = { apiVersion: ks.apiVersion, kind: 'Kustomization', metadata: { name: 'b', namespace: 'a' }, spec: {} }
const call = (o: Partial<Call>): Call => ({
  ...{
    id: '1',
    verb: 'get',
    as: 'a/x',
    body: body(manifest),
    dryRun: false,
    resourceVersion: '',
    fieldManager: 'kubectl',
    labelSelector: '',
  },
  ...{ deadline: new Date(0) },
  ...ks,
  ...o,
})
const root = '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/a/kustomizations'

test.each([
  ['get', call({}), { method: 'GET', path: `${root}/b` }],
  ['list with a selector', call({ verb: 'list', labelSelector: 'a=b' }), { method: 'GET', path: `${root}?labelSelector=a%3Db` }],
  ['create', call({ verb: 'create' }), { method: 'POST', path: `${root}?fieldManager=kubectl` }],
  [
    'a dry-run',
    call({ verb: 'patch-merge', dryRun: true }),
    { path: `${root}/b?dryRun=All&fieldManager=kubectl`, contentType: 'application/merge-patch+json' },
  ],
  ['a JSON patch', call({ verb: 'patch-json' }), { method: 'PATCH', contentType: 'application/json-patch+json' }],
  ['delete', call({ verb: 'delete', body: body({}) }), { method: 'DELETE', path: `${root}/b`, body: '{}' }],
  ['a write of a Secret', call({ ...secret, verb: 'patch-merge' }), { path: '/api/v1/namespaces/a/secrets/b?fieldManager=kubectl' }],
  ['no reading of Secrets', call(secret), { code: 403 }],
  ['no listing of Secrets', call({ ...secret, verb: 'list' }), { code: 403 }],
  ['no other kinds', call({ apiVersion: 'v1', object: { group: '', kind: 'Pod', namespace: 'a', name: 'b' } }), { code: 403 }],
  ['no version that is not served', call({ apiVersion: 'kustomize.toolkit.fluxcd.io/v1beta2' }), { code: 403 }],
  ['no body of another object', call({ verb: 'update', object: { ...ks.object, name: 'c' } }), { code: 400 }],
  ['no body in another namespace', call({ verb: 'update', object: { ...ks.object, namespace: 'c' } }), { code: 400 }],
  ['no path out of the folder', call({ object: { ...ks.object, name: '../x' } }), { path: `${root}/..%2Fx` }],
])('makes a request of a call: %s', (_name, given, expected) => {
  expect(requestOf(given)).toMatchObject(expected)
})

test('an update carries the version that the caller saw', () => {
  const request = requestOf(call({ verb: 'update', resourceVersion: '7' }))
  expect(request).toMatchObject({ method: 'PUT', path: `${root}/b?fieldManager=kubectl` })
  expect('body' in request && JSON.parse(request.body ?? '')).toMatchObject({ metadata: { resourceVersion: '7' } })
})

test('the content of a Secret is not in an answer', () => {
  const applied = { 'kubectl.kubernetes.io/last-applied-configuration': 'hidden', a: 'b' }
  const answer = withoutSecrets({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'b', annotations: applied },
    data: { k: 'hidden' },
    type: 'Opaque',
  })
  expect(answer).toEqual({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'b', annotations: { a: 'b' } }, type: 'Opaque' })
})
