import { expect, test } from 'vitest'
import { normaliseUrl, type SourceSpec, sourceKey } from './model.ts'

type GitSpec = Extract<SourceSpec, { readonly kind: 'GitRepository' }>

const base: GitSpec = { kind: 'GitRepository', url: 'https://git.example/a', options: { ref: { branch: 'main' } } }

test.each([
  ['another branch', { options: { ref: { branch: 'next' } } }],
  ['another credential', { credentialId: 'c1' }],
  ['another address', { url: 'https://git.example/b' }],
  ['an ignore list, even an empty one', { options: { ref: { branch: 'main' }, ignore: '' } }],
  ['another locality', { locality: 'c-1' }],
])('%s is another source', (_, change: Partial<GitSpec>) => {
  expect(sourceKey({ ...base, ...change })).not.toBe(sourceKey(base))
})

test('spellings of one address are one source', () => {
  expect(sourceKey({ ...base, url: 'https://u:p@GIT.example:443/a/' })).toBe(sourceKey(base))
  expect(normaliseUrl('ssh://git:x@Git.example:22/a.git')).toBe('ssh://git@git.example/a.git')
  expect(normaliseUrl('not an address')).toBe('not an address')
})

test('the keys of git sources that are stored stay what they are', () => {
  const spec: GitSpec = { ...base, options: { ref: { branch: 'main' }, ignore: '*.md' }, credentialId: 'c1', locality: 'hub' }
  expect(sourceKey(spec)).toBe('sha256:c40953347d284e1e2b1181e2a3dc6e307fa317164489bbe922eec61e673685ca')
})

test('kinds with one address are different sources', () => {
  const helm: SourceSpec = { kind: 'HelmRepository', url: base.url, options: {} }
  expect(sourceKey(helm)).not.toBe(sourceKey({ kind: 'OCIRepository', url: base.url, options: { ref: {} } }))
})
