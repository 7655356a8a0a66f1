import { expect, test } from 'vitest'
import { EMPTY_REPORT, type Report } from '../model/report.ts'
import { MAX_REPORT_BYTES, reportFromWire, reportToWire } from './report.ts'

const ref = { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', namespace: 'flux-system', name: 'apps' }
const report: Report = {
  boot: 3n,
  sequence: 7n,
  objects: [
    {
      ref,
      uid: 'u',
      generation: 2,
      resourceVersion: '9',
      manifest: {
        apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
        kind: 'Kustomization',
        metadata: { name: 'apps', namespace: 'flux-system' },
      },
      sealedCredential: undefined,
      credentialProblem: { reason: 'AuthenticationFailed', message: 'no secret', stalled: false },
    },
  ],
  deletions: [{ ref, uid: 'u', resourceVersion: '10' }],
  list: { id: 'l', listed: [{ ref, uid: 'u', resourceVersion: '9' }], last: true },
  reached: [{ source: ref, revision: 'main@sha1:1', ready: 2, notReady: 1, setDigest: 's', at: new Date(1_700_000_000_000) }],
  stragglers: [{ object: ref, lastAppliedRevision: 'a', lastAttemptedRevision: 'b', inLine: false }],
  events: [{ id: 'e', object: ref, severity: 'info', reason: 'R', message: 'm', revision: 'r', at: new Date(1_700_000_000_000) }],
  placed: [
    {
      object: { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', namespace: 'a', name: 'b' },
      position: 7n,
      state: 'refused',
      message: 'it is not ours',
    },
  ],
  applied: [
    {
      object: ref,
      uid: 'u',
      generation: 3,
      bundle: 'sha256:b',
      health: 'InProgress',
      message: 'Deployment/a/b is InProgress: Available: 0/1',
      fluxObjects: [{ ref: { ...ref, name: 'child' }, uid: 'c', generation: 2 }],
    },
  ],
  tenants: [
    { tenant: 'shop', position: 4n, problem: undefined },
    { tenant: 'team', position: 5n, problem: 'namespaces is forbidden' },
  ],
}

test('a report goes over the wire and comes back the same', () => {
  expect(reportFromWire(reportToWire(report))).toEqual(report)
})

test.each<[string, Uint8Array, string]>([
  ['garbage', Buffer.from('not protobuf at all'), 'report cannot be read'],
  ['one without a sequence', reportToWire({ ...EMPTY_REPORT, boot: 1n }), 'it has no sequence'],
  ['one that is too large', new Uint8Array(MAX_REPORT_BYTES + 1), 'over the limit'],
  [
    'a manifest that is another object than it says',
    reportToWire({ ...report, objects: report.objects.map((one) => ({ ...one, ref: { ...ref, name: 'other' } })) }),
    'is not that object',
  ],
])('%s is refused with a sentence', (_name, bytes, why) => {
  expect(reportFromWire(bytes)).toEqual({ problem: expect.stringContaining(why) })
})
