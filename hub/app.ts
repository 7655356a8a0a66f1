import { join } from 'node:path'
import { FleetError } from '../proto/base/errors.ts'
import type { Log } from '../proto/base/log.ts'
import { TENANT } from '../proto/model/fleet/kinds.ts'
import { PLATFORM_TENANT } from '../proto/model/names.ts'
import { writeAdminFile } from './api/io/admin-file.ts'
import { openBuilding } from './app/building.ts'
import { openDoors } from './app/doors.ts'
import { openFetching } from './app/fetching.ts'
import { openGround } from './app/ground.ts'
import { keepHouse } from './app/house.ts'
import { openKnowledge } from './app/knowledge.ts'
import { openReporting } from './app/reporting.ts'
import { openRolling } from './app/rolling.ts'
import type { HubConfig } from './config.ts'
import { namedObjects } from './objects/named.ts'
import { platformTenant } from './tenants/platform.ts'

export interface Hub extends AsyncDisposable {
  readonly grpcPort: number
  readonly httpPort: number
}

/** Opens everything in order; a failure half-way closes what was opened. `signal` ends the opening, disposal the hub. */
export async function openHub(config: HubConfig, log: Log, signal: AbortSignal): Promise<Hub> {
  await using scope = new AsyncDisposableStack()
  const ground = await openGround(config, { scope, log, signal })
  const known = { ...ground, ...openKnowledge(ground, { scope, log }) }
  const built = { ...known, ...(await openBuilding(config, known, { scope, log })) }
  const rolling = { ...built, ...openRolling(built, { scope, log }) }
  const { sweepCaches } = openFetching(config, rolling, { scope, log })
  const reporting = { ...rolling, ...(await openReporting(rolling, { scope, log })) }
  const doors = await openDoors(config, reporting, { scope, log })
  keepHouse({ ...reporting, sweepCaches }, { scope, log })
  const tenants = namedObjects(known.objects, TENANT)
  if (!(await tenants.get(PLATFORM_TENANT))) {
    await tenants.create(platformTenant()).catch(ignoreTaken)
    await known.tenants.settle()
  }
  const token = (await known.tenants.firstToken())?.reveal()
  const server = `https://${ground.hosts[0] ?? 'localhost'}:${doors.http.port}`
  await writeAdminFile(join(config.dataDir, 'admin.json'), { server, ca: ground.identity.ca, token })
  log.info({ event: 'hub.ready', port: doors.http.port, replica: ground.replica }, 'hub is ready')
  const owned = scope.move()
  return { grpcPort: doors.stream.port, httpPort: doors.http.port, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Another hub that starts at the same time may be faster. */
function ignoreTaken(error: unknown): void {
  if (!(error instanceof FleetError) || error.code !== 'already-exists') throw error
}
