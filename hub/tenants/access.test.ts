import { expect, test } from 'vitest'
import { reservedNamespaces, wantedAccess } from './access.ts'
import { tokenId, tokenText } from './token.ts'

const tenant = {
  name: 'shop',
  uid: 'u',
  generation: 1,
  namespaces: ['b', 'a'],
  clusterRole: 'edit',
  serviceAccount: 'sa',
  clusters: { matchLabels: { tier: 'edge' } },
}
const edge = { id: 'c-1', name: 'one', labels: { tier: 'edge' } }
const core = { id: 'c-2', name: 'two', labels: {} }

test('a tenant is told to the clusters that its choice takes in', () => {
  expect(wantedAccess([tenant], [edge, core])).toEqual([
    { clusterId: 'c-1', tenant: 'shop', namespaces: ['a', 'b'], clusterRole: 'edit', serviceAccount: 'sa' },
  ])
})

test('the platform is told to no cluster: its identity is not the hub’s to give', () => {
  expect(wantedAccess([{ ...tenant, name: 'platform', clusters: { all: true } }], [edge, core])).toEqual([])
})

test.each([
  ['shop', ['shop', 'kube-system'], ['kube-system']],
  ['shop', ['flux-system', 'default'], ['flux-system', 'default']],
  ['platform', ['flux-system'], []],
])('tenant %s asking for %j may not have %j', (name, asked, refused) => expect(reservedNamespaces(name, asked)).toEqual(refused))

test('a token’s id is read from its exact form and from nothing else', () => {
  const text = tokenText('0123456789ab', 'f'.repeat(64))
  expect(tokenId(text)).toBe('0123456789ab')
  for (const wrong of [`${text}0`, ` ${text}`, text.toUpperCase(), 'fat_0_0', '']) expect(tokenId(wrong)).toBeUndefined()
})
