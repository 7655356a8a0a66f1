import { expect, test } from 'vitest'
import { normaliseUrl, type SourceSpec, sourceKey } from './model.ts'

const base: SourceSpec = { kind: 'GitRepository', url: 'https://git.example/a', options: { ref: { branch: 'main' } } }

test.each([
  ['another branch', { options: { ref: { branch: 'next' } } }],
  ['another credential', { credentialId: 'c1' }],
  ['another address', { url: 'https://git.example/b' }],
  ['an ignore list, even an empty one', { options: { ref: { branch: 'main' }, ignore: '' } }],
  ['another locality', { locality: 'c-1' }],
])('%s is another source', (_, change: Partial<SourceSpec>) => {
  expect(sourceKey({ ...base, ...change })).not.toBe(sourceKey(base))
})

test('spellings of one address are one source', () => {
  expect(sourceKey({ ...base, url: 'https://u:p@GIT.example:443/a/' })).toBe(sourceKey(base))
  expect(normaliseUrl('ssh://git:x@Git.example:22/a.git')).toBe('ssh://git@git.example/a.git')
  expect(normaliseUrl('not an address')).toBe('not an address')
})
