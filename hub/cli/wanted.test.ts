import { expect, test } from 'vitest'
import { kindOf, namedObjects, pathOf } from './kinds.ts'
import { parseWanted } from './wanted.ts'

test.each([
  ['kustomizations', ['Kustomization'], undefined],
  ['ks apps', ['Kustomization'], 'apps'],
  ['Kustomization apps', ['Kustomization'], 'apps'],
  ['helmreleases', ['HelmRelease'], undefined],
  ['sources git', ['GitRepository'], undefined],
  ['source git podinfo', ['GitRepository'], 'podinfo'],
  ['gitrepositories', ['GitRepository'], undefined],
  ['sources oci', ['OCIRepository'], undefined],
  ['source bucket assets', ['Bucket'], 'assets'],
  ['clusters', ['Cluster'], undefined],
  ['tenant shop', ['Tenant'], 'shop'],
])('get %s shows the right kinds', (words, kinds, name) => {
  const wanted = parseWanted(words.split(' '))
  expect(wanted.kinds.map(({ kind }) => kind)).toEqual(kinds)
  expect(wanted.name).toBe(name)
})

test('get all and get sources show every kind of theirs', () => {
  expect(parseWanted(['all']).kinds.length).toBeGreaterThan(10)
  expect(parseWanted(['sources']).kinds.every(({ group }) => group === 'source.toolkit.fluxcd.io')).toBe(true)
})

test.each([
  ['get of two names', () => parseWanted(['ks', 'a', 'b']), 'get takes one name, not a b'],
  ['an unknown kind', () => kindOf(['pods']), 'pods is no kind'],
  ['an unknown source', () => kindOf(['source', 'svn']), 'source svn is no kind'],
  ['a change without a name', () => namedObjects('suspend', ['source', 'git']), 'suspend: say which one: flotilla suspend source git NAME'],
])('%s is refused with a sentence', (_name, parse, sentence) => {
  expect(parse).toThrow(sentence)
})

test('a change takes one or more names', () => {
  expect(namedObjects('suspend', ['source', 'git', 'a', 'b'])).toEqual({ kind: kindOf(['source', 'git']), names: ['a', 'b'] })
  expect(namedObjects('delete', ['tenant', 'shop']).names).toEqual(['shop'])
})

test('objects of a cluster are below it, those of the fleet are not', () => {
  expect(pathOf(kindOf(['ks']), { cluster: 'staging', namespace: 'shop', name: 'apps' })).toBe(
    '/clusters/staging/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/shop/kustomizations/apps',
  )
  expect(pathOf(kindOf(['ks']), { cluster: '-' })).toBe('/clusters/-/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations')
  expect(pathOf(kindOf(['tenant']), { namespace: 'ignored', name: 'a/b' })).toBe('/apis/fleet.flotilla.dev/v1alpha1/tenants/a%2Fb')
})
