import { expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { normalize, withOwner } from './normalize.ts'

const an = (kind: string, body: Record<string, unknown>, apiVersion = 'v1'): Manifest => ({
  apiVersion,
  kind,
  metadata: { name: 'x' },
  ...body,
})
const container = { name: 'c', ports: [{ containerPort: 80 }, { containerPort: 53, protocol: 'UDP' }] }
const filled = {
  name: 'c',
  ports: [
    { containerPort: 80, protocol: 'TCP' },
    { containerPort: 53, protocol: 'UDP' },
  ],
}
const template = (one: object) => ({ template: { spec: { containers: [one], initContainers: [one] } } })
const webhook = (caBundle?: string) => ({
  spec: { conversion: { webhook: { clientConfig: { url: 'x', ...(caBundle ? { caBundle } : {}) } } } },
})
const certificate = Buffer.from('-----BEGIN CERTIFICATE-----\nx').toString('base64')

test.each<[string, Manifest, Manifest]>([
  ['status is dropped', an('Thing', { spec: {}, status: { a: 1 } }), an('Thing', { spec: {} })],
  [
    'status of a definition stays',
    an('CustomResourceDefinition', { status: { a: 1 } }),
    an('CustomResourceDefinition', { status: { a: 1 } }),
  ],
  [
    'protocol in a Deployment',
    an('Deployment', { spec: template(container) }, 'apps/v1'),
    an('Deployment', { spec: template(filled) }, 'apps/v1'),
  ],
  [
    'protocol in a CronJob',
    an('CronJob', { spec: { jobTemplate: { spec: template(container) } } }, 'batch/v1'),
    an('CronJob', { spec: { jobTemplate: { spec: template(filled) } } }, 'batch/v1'),
  ],
  [
    'protocol in a Service',
    an('Service', { spec: { ports: [{ port: 80 }] } }),
    an('Service', { spec: { ports: [{ port: 80, protocol: 'TCP' }] } }),
  ],
  [
    'a Service of somebody else',
    an('Service', { spec: { ports: [{ port: 80 }] } }, 'x.io/v1'),
    an('Service', { spec: { ports: [{ port: 80 }] } }, 'x.io/v1'),
  ],
  [
    'stringData of a Secret',
    an('Secret', { data: { a: 'MQ==', b: 'MQ==' }, stringData: { b: '2' } }),
    an('Secret', { data: { a: 'MQ==', b: 'Mg==' } }),
  ],
  ['a bundle that is no certificate', an('CustomResourceDefinition', webhook('Cg==')), an('CustomResourceDefinition', webhook())],
  ['a bundle that is one', an('CustomResourceDefinition', webhook(certificate)), an('CustomResourceDefinition', webhook(certificate))],
])('normalizes %s', (_name, before, after) => {
  expect(normalize(before)).toEqual(after)
})

test('a creation time of null is dropped', () => {
  expect(normalize({ ...an('Thing', {}), metadata: { name: 'x', creationTimestamp: null } }).metadata).toEqual({ name: 'x' })
})

test('owner labels win over those of the build', () => {
  const object = { ...an('Thing', {}), metadata: { name: 'x', labels: { a: '1', 'kustomize.toolkit.fluxcd.io/name': 'other' } } }
  expect(withOwner(object, { name: 'apps', namespace: 'ns' }).metadata.labels).toEqual({
    a: '1',
    'kustomize.toolkit.fluxcd.io/name': 'apps',
    'kustomize.toolkit.fluxcd.io/namespace': 'ns',
  })
})
