import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openReplica } from '../../hub/stream/io/replica.ts'
import { vaultRows } from '../../hub/vault/io/rows.ts'
import { masterKeyInFile, parseMasterKey } from '../../hub/vault/master-key.ts'
import { openVault } from '../../hub/vault/vault.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { silentLog } from '../../proto/base/log.ts'
import { boxKeyPair, seal } from '../../proto/base/sealed-box.ts'
import { Secret } from '../../proto/base/secret.ts'
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())

const masterKey = parseMasterKey(new Secret('ab'.repeat(32)))
const open = (key = masterKey) => openVault({ masterKey: key, rows: vaultRows(database.db) })

test('two hubs that open the vault at once have the same keys', async () => {
  const [one, two] = await Promise.all([open(), open()])
  expect(one.boxKey).toEqual(two.boxKey)
  const make = (value: string) => () => ({ secret: Buffer.from(value), public: value })
  const keys = await Promise.all([one.hubKey('ca', make('a')), two.hubKey('ca', make('b'))])
  expect(keys[0]).toEqual(keys[1])
})

test('equal credentials have one id, whoever sealed them; the content lies encrypted and comes back whole', async () => {
  const vault = await open()
  const content = Buffer.from('{"password":"correct horse"}')
  const ids = await Promise.all([1, 2].map(() => vault.receive(seal(vault.boxKey, content), 'GitRepository')))
  expect(ids[0]).toBe(ids[1])
  expect(Buffer.from((await vault.credential(ids[0] ?? '')) ?? [])).toEqual(content)
  const { rows } = await database.db.query<{ sealed: Buffer }>('select sealed from credentials')
  expect(rows).toHaveLength(1)
  expect(rows[0]?.sealed.includes('horse')).toBe(false)
  expect(await vault.credential('unknown')).toBeUndefined()
})

test('a box for another hub is refused, and another master key opens nothing', async () => {
  const vault = await open()
  await expect(vault.receive(seal(boxKeyPair().publicKey, Buffer.from('x')), 'GitRepository')).rejects.toMatchObject({ code: 'invalid' })
  await expect(open(parseMasterKey(new Secret('cd'.repeat(32))))).rejects.toThrow(/master key is not the one of this database/)
})

test('the master key file is made once, for its owner alone', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'flotilla-vault-'))
  try {
    const path = join(dir, 'master.key')
    expect(await masterKeyInFile(path)).toEqual(await masterKeyInFile(path))
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})

test('a replica is alive as long as it renews its lease, and gone at once when it leaves', async () => {
  const alive = async () => (await database.db.query("select 1 from replicas where id = 'r-x' and lease_until > now()")).rowCount
  const options = { sql: database.db, id: 'r-x', address: '', version: '', clock: systemClock, log: silentLog }
  const replica = await openReplica({ ...options, leaseMs: 300, renewMs: 50 })
  const until =
    (await database.db.query<{ lease_until: Date }>("select lease_until from replicas where id = 'r-x'")).rows[0]?.lease_until ?? new Date()
  await expect.poll(() => Date.now() > until.getTime() + 100).toBe(true)
  expect(await alive()).toBe(1)
  await replica[Symbol.asyncDispose]()
  expect(await alive()).toBe(0)
})
