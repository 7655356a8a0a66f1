import { expect, test } from 'vitest'
import type { SourceStatusFact } from '../../proto/model/facts.ts'
import type { GitRepository } from '../../proto/model/flux/source/kinds.ts'
import { sourceWord } from './source-word.ts'

const object = (spec: Partial<GitRepository['spec']> = {}): GitRepository => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name: 'fleet', namespace: 'flux-system', generation: 2 },
  spec: { url: 'https://example.com/x', interval: '1m', timeout: '60s', ...spec },
  status: {},
})
const fact = (o: Partial<SourceStatusFact> = {}): SourceStatusFact => ({
  ...{ kind: 'source-status', source: { group: 'g', kind: 'GitRepository', namespace: 'flux-system', name: 'fleet' }, generation: 2 },
  ...{ revision: 'main@sha1:abc', artifactDigest: 'sha256:1', artifactBytes: 9, artifactAt: new Date('2026-11-21T10:00:00Z') },
  ...{ problem: undefined, handledAt: '', position: 1n },
  ...o,
})
const problem = { reason: 'AuthenticationFailed', message: 'no', stalled: false }

test.each([
  [
    'suspended says nothing of the source',
    { object: object({ suspend: true }), unserved: [], fact: fact() },
    { outcome: { kind: 'suspended' } },
  ],
  [
    'a field that is not served stalls',
    { object: object(), unserved: ['spec.verify'], fact: fact() },
    { outcome: { kind: 'stalled', reason: 'FeatureGateDisabled' } },
  ],
  [
    'a failure is told with its reason',
    { object: object(), unserved: [], fact: fact({ problem }) },
    { outcome: { kind: 'failed', fault: 'FetchFailed', reason: 'AuthenticationFailed' } },
  ],
  [
    'a failure that only a change can help stalls',
    { object: object(), unserved: [], fact: fact({ problem: { ...problem, stalled: true } }) },
    { outcome: { kind: 'stalled', reason: 'AuthenticationFailed' } },
  ],
  [
    'a success gives the artifact as Flux would',
    { object: object(), unserved: [], fact: fact({ handledAt: 'now' }) },
    {
      requestedAt: 'now',
      outcome: {
        kind: 'stored',
        artifact: {
          digest: 'sha256:1',
          lastUpdateTime: '2026-11-21T10:00:00Z',
          path: 'gitrepository/flux-system/fleet/abc.tar.gz',
          revision: 'main@sha1:abc',
          size: 9,
          url: 'http://source-controller.flux-system.svc.cluster.local./gitrepository/flux-system/fleet/abc.tar.gz',
        },
      },
    },
  ],
])('%s', (_name, given, expected) => {
  expect(sourceWord(given)).toMatchObject(expected)
})

test('a word about an older generation is waited out, and so is a source that nobody has looked at', () => {
  expect(sourceWord({ object: object(), unserved: [], fact: fact({ generation: 1 }) })).toBeUndefined()
  expect(sourceWord({ object: object(), unserved: [], fact: undefined })).toBeUndefined()
})
