import { expect, test } from 'vitest'
import { commonMetadataDigest, configDigest, postRenderersDigest } from './digests.ts'

const IMAGE = { repository: 'nginx', tag: 'latest' }
const PORTS = [
  { protocol: 'TCP', port: 8080 },
  { port: 9090, protocol: 'UDP' },
]
const NUMBERED = {
  '632bd82398e71231a98004b6': 'value4',
  '632bd817c559818a52307da2': 'value3',
  '632bd80ddf416cf32fd50679': 'value2',
  '632bd80235a05f4192aefade': 'value1',
}

// What Flux's own package (fluxcd/pkg, chartutil 1.27) makes of the same values.
test.each<[string, Readonly<Record<string, unknown>>, string]>([
  ['no values', {}, 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['values', { replicas: 3, image: IMAGE, ports: PORTS }, 'sha256:fcdc2b0de1581a3633ada4afee3f918f6eaa5b5ab38c3fef03d5b48d3f85d9f6'],
  ['keys of digits', { replicas: 3, test: NUMBERED }, 'sha256:8a980fcbeadd6f05818f07e8aec14070c22250ca3d96af1fcd5f93b3e85b4d70'],
])('the digest of %s is the one that Flux takes', (_name, values, digest) => {
  expect(configDigest(values)).toBe(digest)
})

// Made by a Go program with Flux's own types (helm-controller/api 1.6).
test('digests of post-renderers and of common metadata are those that Flux takes', () => {
  const target = { kind: 'ConfigMap', name: 'app', labelSelector: 'a notin (b)' }
  const patch = '- op: add\n  path: /metadata/labels/x\n  value: "<&>"\n'
  const images = [{ name: 'registry.example/app', newName: 'other/app', newTag: '2', digest: '' }]
  const second = { patches: [{ patch: 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\ndata: {more: "1"}\n' }] }
  const renderers = [{ kustomize: { patches: [{ target, patch }], images } }, { kustomize: second }]
  expect(postRenderersDigest(renderers)).toBe('sha256:217aa43c565726a514e20bdb9bd3a7b717cf503177ac1439e652f7b510c130f7')
  const labels = { team: 'a', '10': 'x', '9': 'y' }
  const digest = commonMetadataDigest({ labels, annotations: { 'note/x': '<b>' } })
  expect(digest).toBe('sha256:6d274a45b99d15a9f892802d2d7625a1af124ca500c9b991e582390384b3bfbd')
})
