import { expect, test } from 'vitest'
import { readyPage } from './health.ts'

test('ready names what failed and never says why: causes are for the log', () => {
  const page = readyPage([
    { name: 'postgres', problem: undefined },
    { name: 'nats', problem: 'password wrong for nats://secret@host' },
  ])
  expect(page.code).toBe(503)
  expect(page.body).toBe('[+] postgres ok\n[-] nats failed\nnot ready\n')
  expect(readyPage([{ name: 'postgres', problem: undefined }]).code).toBe(200)
})
