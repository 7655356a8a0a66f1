import { expect, test } from 'vitest'
import { admitsIdentity, admitsKind, admitsNamespace, formatLocalPolicy, type LocalPolicy, parseLocalPolicy } from './policy.ts'

const policy: LocalPolicy = {
  namespaces: ['apps', 'team-*'],
  serviceAccounts: ['flux-system/*', 'apps/deployer'],
  tenantServiceAccounts: ['team-a/extra'],
  kinds: ['Deployment.apps', 'ConfigMap.'],
}

test('a policy survives its ConfigMap', () => {
  expect(parseLocalPolicy(formatLocalPolicy(policy))).toEqual({ policy })
})

test('an empty ConfigMap admits nothing', () => {
  const parsed = parseLocalPolicy({})
  const empty = 'policy' in parsed ? parsed.policy : policy
  expect(admitsNamespace(empty, 'default')).toBe(false)
  expect(admitsKind(empty, { group: '', kind: 'ConfigMap' })).toBe(false)
})

test('every line that cannot be read is named, and then there is no policy', () => {
  const parsed = parseLocalPolicy({ namespaces: 'ok\nNot Ok\n', serviceAccounts: 'no-slash', more: '' })
  expect('problems' in parsed && parsed.problems.map(({ path }) => path)).toEqual(['data.more', 'data.namespaces', 'data.serviceAccounts'])
})

test.each([
  ['serves', 'apps'],
  ['serves', 'team-b'],
  ['does not serve', 'team'],
  ['does not serve', 'apps-2'],
])('the policy %s namespace %s', (verb, name) => {
  expect(admitsNamespace(policy, name)).toBe(verb === 'serves')
})

test.each([
  ['admits', 'any account of flux-system', { namespace: 'flux-system', name: 'x' }, undefined],
  ['admits', 'a named account', { namespace: 'apps', name: 'deployer' }, undefined],
  ['refuses', 'another account beside a named one', { namespace: 'apps', name: 'default' }, undefined],
  ['admits', "a tenant's own account", { namespace: 'team-a', name: 'flotilla-tenant' }, 'flotilla-tenant'],
  ['admits', "a listed account in a tenant's namespace", { namespace: 'team-a', name: 'extra' }, 'flotilla-tenant'],
  ['refuses', "an unlisted account in a tenant's namespace", { namespace: 'team-a', name: 'default' }, 'flotilla-tenant'],
  [
    'refuses',
    'an account in a tenant’s namespace that only the other list names',
    { namespace: 'apps', name: 'deployer' },
    'flotilla-tenant',
  ],
])('the policy %s %s', (verb, _name, account, tenantAccount) => {
  expect(admitsIdentity(policy, account, tenantAccount)).toBe(verb === 'admits')
})

test('kinds are compared with their group', () => {
  expect(admitsKind(policy, { group: 'apps', kind: 'Deployment' })).toBe(true)
  expect(admitsKind(policy, { group: 'other', kind: 'Deployment' })).toBe(false)
  expect(admitsKind(policy, { group: '', kind: 'ConfigMap' })).toBe(true)
})
