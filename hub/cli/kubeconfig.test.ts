import { expect, test } from 'vitest'
import { type HubContexts, withContexts } from './kubeconfig.ts'

const CONFIG = { server: 'https://hub', ca: 'PEM', token: 'secret' }
const through = (names: readonly string[], prefix = ''): HubContexts => ({
  config: CONFIG,
  prefix,
  contexts: names.map((name) => ({ name: prefix + name, server: `https://hub/clusters/${name}` })),
})
const mine = {
  'current-context': 'mine',
  clusters: [{ name: 'mine', cluster: { server: 'https://elsewhere' } }],
  users: [{ name: 'me', user: { token: 'own' } }],
  contexts: [{ name: 'mine', context: { cluster: 'mine', user: 'me' } }],
}
const namesOf = (list: unknown) => (list as readonly { name: string }[]).map(({ name }) => name)

test('an empty kubeconfig gets contexts, and the first of them is current', () => {
  const made = withContexts({}, through(['fleet', 'staging']), 'config')
  expect(made).toMatchObject({ apiVersion: 'v1', kind: 'Config', 'current-context': 'fleet' })
  expect(made.contexts).toContainEqual({
    name: 'staging',
    context: { cluster: 'flotilla/staging', user: 'flotilla', namespace: 'flux-system' },
  })
  expect(made.clusters).toContainEqual({
    name: 'flotilla/staging',
    cluster: { server: 'https://hub/clusters/staging', 'certificate-authority-data': 'UEVN' },
  })
  expect(made.users).toEqual([{ name: 'flotilla', user: { token: 'secret' } }])
})

test('what is there stays as it is', () => {
  const made = withContexts(mine, through(['fleet']), 'config')
  expect(made['current-context']).toBe('mine')
  expect(made.contexts).toContainEqual(mine.contexts[0])
  expect(made.clusters).toContainEqual(mine.clusters[0])
  expect(made.users).toContainEqual(mine.users[0])
})

test('a context of somebody else is never taken over', () => {
  expect(() => withContexts(mine, through(['fleet', 'mine']), '/home/me/config')).toThrow(
    '/home/me/config has contexts of its own named mine; give other names with --prefix',
  )
})

test('contexts of clusters that are gone go, those of another hub stay', () => {
  const first = withContexts(withContexts(mine, through(['fleet', 'old']), 'config'), through(['fleet'], 'b-'), 'config')
  const second = withContexts(first, through(['fleet', 'new']), 'config')
  expect(namesOf(second.contexts)).toEqual(['mine', 'b-fleet', 'fleet', 'new'])
  expect(namesOf(second.clusters)).toEqual(['mine', 'flotilla-b-/b-fleet', 'flotilla/fleet', 'flotilla/new'])
  expect(namesOf(second.users)).toEqual(['me', 'flotilla-b-', 'flotilla'])
})
