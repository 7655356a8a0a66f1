import { expect, test } from 'vitest'
import type { TenantFact } from '../../proto/model/facts.ts'
import { groundsOf } from './grounds.ts'
import { identify } from './identify.ts'

const policy = { namespaces: ['*'], serviceAccounts: ['flux-system/*', 'team/*'], tenantServiceAccounts: [], kinds: ['*'] }
const team: TenantFact = {
  ...{
    kind: 'tenant',
    tenant: 'team',
    namespaces: ['team'],
    clusterRole: 'admin',
    serviceAccount: 'flotilla-tenant',
    removed: false,
    position: 1n,
  },
}
const acting = { kind: 'acting', noCrossNamespaceRefs: false, defaultServiceAccount: undefined } as const
const who = (o: {
  tenants?: readonly TenantFact[]
  labelled?: readonly (readonly [string, string])[]
  leaving?: boolean
  defaultServiceAccount?: string
}) => {
  const adoption = { ...acting, defaultServiceAccount: o.defaultServiceAccount }
  const grounds = groundsOf({
    tenants: o.tenants ?? [],
    policy,
    adoption,
    labelled: new Map(o.labelled ?? []),
    leaving: o.leaving ?? false,
  })
  const identity = identify({ namespace: 'team', serviceAccountName: undefined }, grounds)
  return identity.kind === 'account' ? `${identity.account.namespace}/${identity.account.name}` : 'refused'
}
const labelled = [['team', 'team']] as const

test.each([
  ['acts as the tenant where hub and namespace agree', { tenants: [team], labelled }, 'team/flotilla-tenant'],
  ['refuses where only the hub says that it is a tenant’s', { tenants: [team] }, 'refused'],
  ['refuses where only the namespace says so, as when the hub’s word was lost', { labelled }, 'refused'],
  ['refuses where the namespace is another tenant’s', { tenants: [team], labelled: [['team', 'other']] as const }, 'refused'],
  ['refuses new work of a removed tenant', { tenants: [{ ...team, removed: true }], labelled }, 'refused'],
  [
    'lets a removed tenant’s objects go as the tenant',
    { tenants: [{ ...team, removed: true }], labelled, leaving: true },
    'team/flotilla-tenant',
  ],
  ['acts as the platform elsewhere', {}, 'flux-system/flotilla-platform'],
  ['acts as the account that Flux’s flag names, in the object’s namespace', { defaultServiceAccount: 'default' }, 'team/default'],
])('%s', (_name, given, expected) => {
  expect(who(given)).toBe(expected)
})
