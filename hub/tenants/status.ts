import { canonicalJson } from '../../proto/base/canonical.ts'
import type { Clock } from '../../proto/base/clock.ts'
import type { TenantStatus } from '../../proto/model/fleet/tenant.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import type { StandingStore } from './ports.ts'
import { withStanding } from './standing.ts'

/** The fleet objects of kind Tenant, as far as their status is written. */
export interface TenantObjects {
  get(name: string): Promise<Manifest | undefined>
  changeStatus(name: string, change: (old: Manifest) => unknown): Promise<void>
}

/** Keeps the status of Tenants as the rows say. */
export interface TenantStatuses {
  /** Brings the status of a tenant in line; writes only where it differs. */
  refresh(tenant: string): Promise<void>
  /** Tenants whose status says something else than the rows, whoever changed them. */
  stale(): Promise<readonly string[]>
}

/** A write that another replica's crossed is made good by the next round; two never cross so often. */
const ROUNDS = 5

export function createTenantStatuses(deps: {
  readonly standings: StandingStore
  readonly objects: TenantObjects
  readonly clock: Clock
}): TenantStatuses {
  const { standings, objects, clock } = deps
  return {
    async refresh(tenant) {
      for (let round = 0; round < ROUNDS; round++) {
        const standing = await standings.read(tenant)
        const object = standing && (await objects.get(tenant))
        if (!object) return
        const change = (old: Manifest) => withStanding((old.status ?? {}) as TenantStatus, standing, clock.now())
        if (canonicalJson(change(object)) === canonicalJson(object.status ?? {})) return
        await objects.changeStatus(tenant, change)
      }
    },
    stale: () => standings.stale(),
  }
}
