import { expect, test } from 'vitest'
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
