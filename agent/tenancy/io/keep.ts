import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { TenantFact } from '../../../proto/model/facts.ts'
import { tenantObjects } from '../../../proto/model/fleet/tenant-objects.ts'
import { IMPERSONATE_ROLE } from '../../../proto/model/identities.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { refOf } from '../../../proto/model/manifest.ts'
import { TENANT_LABEL } from '../../../proto/model/names.ts'
import { formatRef } from '../../../proto/model/object-ref.ts'
import type { ImpersonatedKube, Kube } from '../../kube/model.ts'
import { serviceAccount } from '../../kube/subject.ts'

export interface TenantDeps {
  readonly kube: Kube
  readonly as: (subject: ReturnType<typeof serviceAccount>) => ImpersonatedKube
  readonly tenants: () => Iterable<TenantFact>
  /** Flux objects of a namespace, as the mirror has them. */
  readonly fluxObjects: (namespace: string) => readonly Manifest[]
  readonly clock: Clock
  readonly log: Log
}

/** Keeps tenants' namespaces, accounts and rights as the hub names them; looks again when woken and every few minutes. */
export interface TenantKeeper extends AsyncDisposable {
  wake(): void
}

const LOOK_MS = 300_000
const AGAIN_MS = 5_000
const MANAGER = 'flotilla-agent'
const BINDING = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding' }

export function openTenantKeeper(deps: TenantDeps): TenantKeeper {
  const stop = new AbortController()
  let nap = new AbortController()
  let woken = false
  const run = async () => {
    while (!stop.signal.aborted) {
      woken = false
      const done = await round(deps, stop.signal)
      if (woken) continue
      nap = new AbortController()
      await deps.clock.sleep(done ? LOOK_MS : AGAIN_MS, AbortSignal.any([nap.signal, stop.signal])).catch(() => undefined)
    }
  }
  const running = run()
  return {
    wake() {
      woken = true
      nap.abort()
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new FleetError('aborted', 'the agent stops'))
      await running
    },
  }
}

/** One look at all tenants. @returns false when something is left to do */
async function round(deps: TenantDeps, signal: AbortSignal): Promise<boolean> {
  let done = true
  for (const tenant of deps.tenants()) {
    for (const namespace of tenant.namespaces) {
      if (signal.aborted) return false
      try {
        if (tenant.removed) done = (await takeAway(deps, tenant, namespace, signal)) && done
        else await setUp(deps, tenant, namespace, signal)
      } catch (error) {
        done = false
        if (!signal.aborted)
          deps.log.warn(
            { event: 'tenant.failed', tenant: tenant.tenant, object: `Namespace/${namespace}`, err: error },
            'cannot keep a tenant as the hub names it, trying again',
          )
      }
    }
  }
  return done
}

async function setUp({ kube, log }: TenantDeps, tenant: TenantFact, namespace: string, signal: AbortSignal): Promise<void> {
  for (const object of tenantObjects({ ...tenant, namespace })) {
    const { name, namespace: within } = object.metadata
    const live = await kube.get(
      { apiVersion: object.apiVersion, kind: object.kind, name, ...(within ? { namespace: within } : {}) },
      { signal },
    )
    if (live && object.kind === 'Namespace' && live.metadata.labels?.[TENANT_LABEL] !== tenant.tenant)
      throw new FleetError(
        'conflict',
        `set up tenant ${tenant.tenant}: namespace ${namespace} exists and is not labelled ${TENANT_LABEL}=${tenant.tenant}; label it, if it is the tenant's`,
      )
    if (live) continue
    await kube.create(object, { fieldManager: MANAGER, signal }).catch((error: unknown) => {
      if (!(error instanceof FleetError) || error.code !== 'already-exists') throw error
    })
    log.info({ event: 'tenant.created', tenant: tenant.tenant, object: formatRef(refOf(object)) }, 'made an object of a tenant')
  }
}

/** Flux objects first, as the tenant's account, so that their finalizers still have an identity; rights last. */
async function takeAway(deps: TenantDeps, tenant: TenantFact, namespace: string, signal: AbortSignal): Promise<boolean> {
  const { kube, as, log } = deps
  const bound = await kube.get({ ...BINDING, name: IMPERSONATE_ROLE, namespace }, { signal })
  if (!bound) return true
  const account = as(serviceAccount(namespace, tenant.serviceAccount))
  let left = 0
  for (const object of deps.fluxObjects(namespace)) {
    const { apiVersion, kind, metadata } = object
    const at = { apiVersion, kind, name: metadata.name, namespace }
    try {
      left += (await account.remove(at, { signal, ...(metadata.uid ? { uid: metadata.uid } : {}) })) === 'deleting' ? 1 : 0
    } catch (error) {
      if (!(error instanceof FleetError) || error.code !== 'forbidden') throw error
      log.warn(
        { event: 'tenant.object.left', tenant: tenant.tenant, object: formatRef(refOf(object)), err: error },
        "a removed tenant's account may not delete this; it stays, and nobody acts on it",
      )
    }
  }
  if (left > 0) return false
  for (const name of [tenant.serviceAccount, IMPERSONATE_ROLE]) await kube.remove({ ...BINDING, name, namespace }, { signal })
  log.info({ event: 'tenant.removed', tenant: tenant.tenant, object: `Namespace/${namespace}` }, 'a tenant has no rights here any more')
  return true
}
