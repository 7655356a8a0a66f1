import { expect, test } from 'vitest'
import { negotiate } from './accept.ts'
import { encodeContinue, parseListOptions } from './options.ts'
import { parsePath } from './path.ts'

const resource = { kind: 'resource', namespace: '', name: '', subresource: '' }

test.each([
  ['/api', { kind: 'groups', view: { kind: 'fleet' }, legacy: true }],
  ['/clusters/one/apis', { kind: 'groups', view: { kind: 'cluster', cluster: 'one' }, legacy: false }],
  ['/apis/g', { kind: 'group', group: 'g' }],
  ['/apis/g/v1', { kind: 'resources', group: 'g', version: 'v1' }],
  ['/apis/g/v1/things', { ...resource, group: 'g', version: 'v1', plural: 'things' }],
  ['/apis/g/v1/things/a/approve', { ...resource, plural: 'things', name: 'a', subresource: 'approve' }],
  ['/clusters/-/apis/g/v1/namespaces/n/things/a', { ...resource, view: { kind: 'all' }, namespace: 'n', plural: 'things', name: 'a' }],
  ['/api/v1/namespaces/n', { ...resource, group: '', plural: 'namespaces', name: 'n' }],
  ['/api/v1/namespaces', { ...resource, plural: 'namespaces', name: '' }],
  ['/openapi/v3/apis/g/v1', { kind: 'openapi', of: 'apis/g/v1' }],
])('%s is read', (path, expected) => expect(parsePath(path)).toMatchObject(expected))

test.each(['/', '/nothing', '/apis/g/v1/things/a/b/c', '/apis/%E0%A4%A'])('%s names nothing', (path) =>
  expect(parsePath(path)).toBeUndefined(),
)

test.each([
  ['application/json;as=Table;v=v1;g=meta.k8s.io,application/json', 'table'],
  ['application/json;as=Unknown;v=v1,application/json', 'object'],
  ['application/json;as=Table;v=v1beta1,application/json', 'object'],
  ['application/vnd.kubernetes.protobuf,application/json', 'object'],
  ['application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io', 'metadata'],
  ['*/*', 'object'],
  ['', 'object'],
  ['text/html', undefined],
])('Accept %s is answered with %s', (accept, form) => expect(negotiate(accept)).toBe(form))

test('list options are read, and everything wrong with them is said at once', () => {
  const next = encodeContinue({ resourceVersion: '7', namespace: 'n', name: 'a', scope: 's' })
  expect(parseListOptions({ limit: '5', continue: next, labelSelector: 'a=b', fieldSelector: 'metadata.name=x' })).toMatchObject({
    limit: 5,
    after: { resourceVersion: '7', namespace: 'n', name: 'a', scope: 's' },
    labels: [{ key: 'a', operator: 'In', values: ['b'] }],
    fields: [{ path: 'metadata.name', equal: true, value: 'x' }],
  })
  const wrong = parseListOptions({ limit: '-1', continue: '!', labelSelector: '=', fieldSelector: 'x>1', timeoutSeconds: 'soon' })
  expect('problems' in wrong && wrong.problems.map(({ path }) => path)).toEqual([
    'labelSelector',
    'fieldSelector',
    'limit',
    'continue',
    'timeoutSeconds',
  ])
})
