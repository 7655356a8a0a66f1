import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../proto/base/clock.ts'
import { lockFolder } from '../../proto/base/folder-lock.ts'
import { keepRunning } from '../../proto/base/keep-running.ts'
import type { Log } from '../../proto/base/log.ts'
import { systemRandom } from '../../proto/base/random.ts'
import { within } from '../../proto/base/signals.ts'
import { VERSION } from '../../proto/model/version.ts'
import { openBus } from '../bus/bus.ts'
import { openEmbeddedNats } from '../bus/embedded.ts'
import { loadNatsKeys } from '../bus/keys.ts'
import { ensureReports } from '../bus/reports.ts'
import { openAuthority } from '../clusters/io/authority.ts'
import type { HubConfig } from '../config.ts'
import { openDb } from '../db/db.ts'
import { openEmbeddedPostgres } from '../db/embedded.ts'
import { migrate } from '../db/migrate.ts'
import { openReplica } from '../stream/io/replica.ts'
import { vaultRows } from '../vault/io/rows.ts'
import { masterKeyInFile, parseMasterKey } from '../vault/master-key.ts'
import { openVault } from '../vault/vault.ts'

const clock = systemClock
const random = systemRandom

/** What each part of the opening is given: `scope` closes what it opens. */
export interface Opening {
  readonly scope: AsyncDisposableStack
  readonly log: Log
}

/** Rooms and identity: database, keys, certificate, bus, this replica's lease. */
export async function openGround(config: HubConfig, { scope, log, signal }: Opening & { readonly signal: AbortSignal }) {
  await mkdir(config.dataDir, { recursive: true, mode: 0o755 })
  scope.use(await lockFolder(config.dataDir, { signal: within(30_000, signal) }))
  const masterKey = config.masterKey ? parseMasterKey(config.masterKey) : await masterKeyInFile(join(config.dataDir, 'master.key'))
  const postgres = (port = 0) => openEmbeddedPostgres({ folder: join(config.dataDir, 'postgres'), port, signal })
  const keep = { clock, log }
  const url = config.databaseUrl?.reveal() ?? (await keepRunning(scope, { name: 'postgres', start: postgres, ...keep })).url
  const db = scope.use(await openDb(url, { signal }))
  for (const name of await migrate(db)) log.info({ event: 'db.migrated', version: name }, 'applied a migration')
  const vault = await openVault({ masterKey, rows: vaultRows(db) })
  const authority = await openAuthority(async (make) => vault.hubKey('ca', make), clock.now())
  const hosts = config.advertise.length > 0 ? config.advertise : ['localhost']
  const identity = { ...authority.issueServer([...hosts, config.grpc.host, config.http.host], clock.now()), ca: authority.certificate }
  const natsKeys = await loadNatsKeys((name, make) => vault.hubKey(name, make))
  const replica = random.hex(6)
  const server = { certificate: identity.certificate, privateKey: identity.privateKey, keys: natsKeys, host: config.natsListen.host }
  const nats = (port = config.natsListen.port) =>
    openEmbeddedNats({ folder: join(config.dataDir, 'nats'), program: config.programs.natsServer, ...server, port, signal })
  const embedded = config.natsUrl ? undefined : await keepRunning(scope, { name: 'nats-server', start: nats, ...keep })
  const bus = scope.use(
    await openBus({ url: config.natsUrl ?? embedded?.url ?? '', ca: identity.ca, keys: natsKeys, replica, log, signal }),
  )
  await ensureReports(bus, { signal })
  scope.use(await openReplica({ sql: db, id: replica, address: `${config.grpc.host}:${config.grpc.port}`, version: VERSION, clock, log }))
  const natsUrls = embedded ? hosts.map((host) => `tls://${host}:${embedded.port}`) : [config.natsUrl ?? '']
  return { db, url, vault, authority, identity, natsKeys, natsUrls, bus, replica, hosts }
}

/** What `openGround` opened. */
export type Ground = Awaited<ReturnType<typeof openGround>>
