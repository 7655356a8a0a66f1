import { expect, test } from 'vitest'
import { configDigest } from './digests.ts'

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
