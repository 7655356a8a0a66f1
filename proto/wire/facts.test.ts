import { expect, test } from 'vitest'
import type { Fact } from '../model/facts.ts'
import { factFromWire, factToWire } from './facts.ts'

const object = { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', namespace: 'flux-system', name: 'apps' }
const source = { group: 'source.toolkit.fluxcd.io', kind: 'GitRepository', namespace: 'flux-system', name: 'fleet' }
const manifest = {
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name: 'apps', namespace: 'flux-system' },
  spec: { postBuild: { substitute: { position: 'left' } } },
}
const problem = { reason: 'BuildFailed', message: 'a.yaml: line 3', stalled: false }

test.each<[string, Fact]>([
  ['a bundle', { kind: 'desired', object, source, optionsDigest: 'o', content: { bundle: 'sha256:b' }, position: 1n }],
  ['a problem', { kind: 'desired', object, source, optionsDigest: 'o', content: { problem }, position: 2n }],
  ['a release', { kind: 'release', source, revision: 'main@sha1:1', setDigest: 's', position: 3n }],
  [
    'the status of a source',
    {
      kind: 'source-status',
      source,
      generation: 4,
      revision: 'main@sha1:1',
      artifactDigest: 'sha256:a',
      artifactBytes: 10,
      artifactAt: new Date(1_700_000_000_000),
      problem: undefined,
      handledAt: 'now',
      position: 4n,
    },
  ],
  [
    'a tenant',
    { kind: 'tenant', tenant: 't', namespaces: ['a', 'b'], clusterRole: 'edit', serviceAccount: 's', removed: false, position: 5n },
  ],
  ['a placed object', { kind: 'placed', object, placement: 'team/web', content: { manifest }, position: 7n }],
  ['an object that is to go', { kind: 'placed', object, placement: 'team/web', content: { leaving: 'delete' }, position: 8n }],
  ['an object that is let go', { kind: 'placed', object, placement: 'team/web', content: { leaving: 'orphan' }, position: 9n }],
  ['what the fleet knows of a cluster', { kind: 'cluster', name: 'a', labels: { a: 'b' }, variables: { position: 'x' }, position: 10n }],
  ['a removal', { kind: 'removed', fact: 'source-status', object: source, position: 6n }],
])('%s goes over the wire and comes back the same', (_name, fact) => {
  expect(factFromWire(factToWire(fact))).toEqual(fact)
})

test('a placed object that is not the one it says is refused', () => {
  const fact = { kind: 'placed', object: source, placement: 'team/web', content: { manifest }, position: 1n } as const
  expect(factFromWire(factToWire(fact))).toEqual({ problem: 'Placed with a manifest of something else' })
})

test('a fact without the object that it is about is refused with a sentence', () => {
  const message = { $case: 'release', value: { source: undefined, revision: 'r', setDigest: '', position: 1n } } as const
  expect(factFromWire(message)).toEqual({ problem: 'Release without source or revision' })
})
