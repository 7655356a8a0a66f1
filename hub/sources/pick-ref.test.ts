import { expect, test } from 'vitest'
import { pickRef } from './pick-ref.ts'

const A = 'a'.repeat(40)
const B = 'b'.repeat(40)
const C = 'c'.repeat(40)
const T = '7'.repeat(40)
const REMOTE = [
  { name: 'HEAD', oid: A },
  { name: 'refs/heads/main', oid: A },
  { name: 'refs/heads/master', oid: B },
  { name: 'refs/tags/v1.0.0', oid: T, peeled: B },
  { name: 'refs/tags/v1.2.0', oid: A },
  { name: 'refs/tags/v1.10.0', oid: B },
  { name: 'refs/tags/v2.0.0-rc.1', oid: C },
  { name: 'refs/tags/1.5.0', oid: B },
  { name: 'refs/tags/nightly', oid: C },
  { name: 'refs/tags/v3', oid: C },
  { name: 'refs/pull/420/head', oid: C },
]

test.each([
  ['nothing is the branch master', {}, 'refs/heads/master', `master@sha1:${B}`],
  ['a branch', { branch: 'main' }, 'refs/heads/main', `main@sha1:${A}`],
  ['a tag wins over a branch and names the commit behind it', { branch: 'main', tag: 'v1.0.0' }, 'refs/tags/v1.0.0', `v1.0.0@sha1:${B}`],
  ['semver wins over a tag', { tag: 'v1.0.0', semver: '>=1.0.0 <1.3.0' }, 'refs/tags/v1.2.0', `v1.2.0@sha1:${A}`],
  ['versions are compared as numbers', { semver: '^1.0.0' }, 'refs/tags/v1.10.0', `v1.10.0@sha1:${B}`],
  ['commas join conditions', { semver: '>= 1.0.0, < 1.6.0' }, 'refs/tags/1.5.0', `1.5.0@sha1:${B}`],
  ['a condition may exclude', { semver: '>=1.0.0, !=1.10.0' }, 'refs/tags/1.5.0', `1.5.0@sha1:${B}`],
  ['pre-releases stay out', { semver: '*' }, 'refs/tags/v1.10.0', `v1.10.0@sha1:${B}`],
  ['pre-releases come in where the range names one', { semver: '>=1.0.0-0' }, 'refs/tags/v2.0.0-rc.1', `v2.0.0-rc.1@sha1:${C}`],
  ['a name wins over semver', { semver: '*', name: 'refs/pull/420/head' }, 'refs/pull/420/head', `refs/pull/420/head@sha1:${C}`],
  ['a commit wins over a name and is fetched by a ref at it', { name: 'refs/heads/main', commit: C }, 'refs/tags/v2.0.0-rc.1', `sha1:${C}`],
  ['a commit with its branch', { branch: 'main', commit: A }, 'refs/heads/main', `main@sha1:${A}`],
])('%s', (_, ref, fetched, revision) => {
  expect(pickRef(ref, REMOTE)).toMatchObject({ kind: 'ref', ref: fetched, revision })
})

test('a commit that no ref points at is looked for in its branch, or everywhere', () => {
  const commit = 'd'.repeat(40)
  expect(pickRef({ commit }, REMOTE)).toEqual({ kind: 'commit', oid: commit, revision: `sha1:${commit}` })
  expect(pickRef({ commit, branch: 'main' }, REMOTE)).toEqual({
    kind: 'commit',
    oid: commit,
    within: 'refs/heads/main',
    revision: `main@sha1:${commit}`,
  })
})

test('hashes of 64 digits are written as sha256', () => {
  const oid = 'e'.repeat(64)
  expect(pickRef({ branch: 'main' }, [{ name: 'refs/heads/main', oid }])).toMatchObject({ revision: `main@sha256:${oid}` })
})

test.each([
  ['a branch that is not there', { branch: 'gone' }, 'couldn\'t find remote ref "refs/heads/gone"'],
  ['a range without a match', { semver: '>=9' }, 'no match found for semver: >=9'],
  ['a range that is none', { semver: 'latest' }, 'semver parse error: "latest" is not a range of versions'],
  ['a short commit', { commit: 'abc' }, 'ref.commit "abc" is not a full hash'],
])('%s is a problem', (_, ref, message) => {
  expect(pickRef(ref, REMOTE)).toMatchObject({ kind: 'problem', problem: { reason: 'GitOperationFailed', message } })
})
