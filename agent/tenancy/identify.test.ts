import { expect, test } from 'vitest'
import { identify, refuseReference } from './identify.ts'
import type { Grounds, Tenant } from './model.ts'

const open = { namespaces: ['*'], serviceAccounts: ['*/*'], tenantServiceAccounts: [] as string[], kinds: ['*'] }
const team: Tenant = { tenant: 'team-a', namespaces: ['team-a', 'team-a-jobs'], clusterRole: 'admin', serviceAccount: 'flotilla-tenant' }
const grounds = (policy: Partial<typeof open> = {}, noCrossNamespaceRefs = false): Grounds => ({
  tenants: [team],
  policy: { ...open, ...policy },
  noCrossNamespaceRefs,
})
const refused = expect.objectContaining({ kind: 'refused', reason: 'AccessDenied' })
const account = (namespace: string, name: string) => ({ kind: 'account', account: { namespace, name } })

test.each([
  ['an object outside tenants acts as the platform', 'flux-system', undefined, grounds(), account('flux-system', 'flotilla-platform')],
  [
    'an object outside tenants acts as the account it names, in its own namespace',
    'apps',
    'deployer',
    grounds(),
    account('apps', 'deployer'),
  ],
  ['in lockdown an object that names no account is refused', 'apps', undefined, grounds({ serviceAccounts: ['apps/*'] }), refused],
  ["a tenant's object acts as the tenant's account", 'team-a-jobs', undefined, grounds(), account('team-a-jobs', 'flotilla-tenant')],
  ["a tenant's object may name the tenant's account", 'team-a', 'flotilla-tenant', grounds(), account('team-a', 'flotilla-tenant')],
  ["a tenant's object may not name another account", 'team-a', 'admin', grounds(), refused],
  [
    'the local policy can allow another account',
    'team-a',
    'ci',
    grounds({ tenantServiceAccounts: ['team-a/ci'] }),
    account('team-a', 'ci'),
  ],
  ['a namespace that the local policy leaves out is refused', 'apps', 'deployer', grounds({ namespaces: ['flux-system'] }), refused],
])('%s', (_name, namespace, serviceAccountName, given, expected) => {
  expect(identify({ namespace, serviceAccountName }, given)).toEqual(expected)
})

test("a tenant's object cannot refer to another namespace, not even the tenant's other one", () => {
  expect(refuseReference('team-a', 'team-a-jobs', grounds())).toContain('team-a-jobs')
  expect(refuseReference('team-a', 'team-a', grounds())).toBeUndefined()
})

test('others may refer to other namespaces unless the cluster forbids it', () => {
  expect(refuseReference('apps', 'flux-system', grounds())).toBeUndefined()
  expect(refuseReference('apps', 'flux-system', grounds({}, true))).toContain('flux-system')
})
