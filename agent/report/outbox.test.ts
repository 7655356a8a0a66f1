import { expect, test } from 'vitest'
import type { AppliedReport } from '../../proto/model/report.ts'
import { Outbox } from './outbox.ts'

const outbox = () => new Outbox(1n, async () => undefined, { journal: { add: () => undefined, told: () => undefined }, left: [] })
const setup = (tenant: string, problem?: string, position = 1n) => ({ tenant, position, problem })

test('what became of a tenant is told once, the last word of several, and again when the hub asks for all', async () => {
  const box = outbox()
  box.tenant(setup('shop', 'forbidden'))
  box.tenant(setup('shop'))
  box.tenant(setup('team', 'forbidden'))
  expect((await box.next('status'))?.tenants).toEqual([setup('shop'), setup('team', 'forbidden')])
  box.tenant(setup('shop'))
  expect(await box.next('status')).toBeUndefined()
  box.tenant(setup('shop', undefined, 2n))
  expect((await box.next('status'))?.tenants).toEqual([setup('shop', undefined, 2n)])
  box.forgetTold()
  expect((await box.next('status'))?.tenants).toEqual([setup('shop', undefined, 2n), setup('team', 'forbidden')])
})

test('more tenants than a message holds are told in several', async () => {
  const box = outbox()
  for (let at = 0; at < 501; at++) box.tenant(setup(`t${at}`))
  expect((await box.next('status'))?.tenants).toHaveLength(500)
  expect((await box.next('status'))?.tenants).toHaveLength(1)
  expect(await box.next('status')).toBeUndefined()
})

const kustomization = (name: string) => ({ group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', namespace: 'a', name })
const applied = (name: string, message = '', children = 0): AppliedReport => ({
  ...{ object: kustomization(name), uid: 'u', generation: 1, bundle: 'b', message },
  health: message === '' ? 'Current' : 'InProgress',
  fluxObjects: Array.from({ length: children }, (_, at) => ({ ref: kustomization(`${name}-${at}`), uid: 'c', generation: 1 })),
})

test('what was applied is told once, the last word of several, again when the hub asks for all, and not once it has gone', async () => {
  const box = outbox()
  box.applied(applied('apps', 'late'))
  box.applied(applied('apps'))
  expect((await box.next('status'))?.applied).toEqual([applied('apps')])
  box.applied(applied('apps'))
  expect(await box.next('status')).toBeUndefined()
  box.forgetTold()
  expect((await box.next('status'))?.applied).toEqual([applied('apps')])
  box.applied(applied('apps', 'late'))
  box.deletion({ ref: kustomization('apps'), uid: 'u', resourceVersion: '2' })
  expect(await box.next('status')).toBeUndefined()
})

test('words that name more objects than a message holds are told in several', async () => {
  const box = outbox()
  for (const name of ['one', 'two', 'three']) box.applied(applied(name, '', 1500))
  expect((await box.next('status'))?.applied.map(({ object }) => object.name)).toEqual(['one', 'two'])
  expect((await box.next('status'))?.applied.map(({ object }) => object.name)).toEqual(['three'])
})
