import { delayMs } from '../../../proto/base/backoff.ts'
import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError, messageOf } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { Random } from '../../../proto/base/random.ts'
import { anyOf } from '../../../proto/base/signals.ts'
import type { TenantFact } from '../../../proto/model/facts.ts'
import { tenantObjects } from '../../../proto/model/fleet/tenant-objects.ts'
import { IMPERSONATE_ROLE } from '../../../proto/model/identities.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { refOf } from '../../../proto/model/manifest.ts'
import { TENANT_LABEL } from '../../../proto/model/names.ts'
import { formatRef } from '../../../proto/model/object-ref.ts'
import type { TenantSetupReport } from '../../../proto/model/report.ts'
import type { ImpersonatedKube, Kube } from '../../kube/model.ts'
import { serviceAccount } from '../../kube/subject.ts'
import type { Adoption } from '../model.ts'

export interface TenantDeps {
  readonly kube: Kube
  readonly as: (subject: ReturnType<typeof serviceAccount>) => ImpersonatedKube
  readonly tenants: () => Iterable<TenantFact>
  /** Flux objects of a namespace, as the mirror has them. */
  readonly fluxObjects: (namespace: string) => readonly Manifest[]
  /** Whether the agent acts here at all. */
  readonly adoption: () => Adoption
  /** Hears what became of each tenant that is served here. */
  readonly told: (setup: TenantSetupReport) => void
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Keeps tenants' namespaces, accounts and rights as the hub names them; looks again when woken and every few minutes. */
export interface TenantKeeper extends AsyncDisposable {
  wake(): void
  /** A Flux object of this namespace is gone: the last one lets a removed tenant's rights go. */
  objectGone(namespace: string): void
}

const LOOK_MS = 300_000
const AGAIN = { baseMs: 2_000, capMs: 60_000 }
const MANAGER = 'flotilla-agent'
const BINDING = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding' }

export function openTenantKeeper(deps: TenantDeps): TenantKeeper {
  const stop = new AbortController()
  const leaving = new Set<string>()
  let nap = new AbortController()
  let woken = false
  const run = async () => {
    for (let failures = 0; !stop.signal.aborted; ) {
      woken = false
      failures = (await round(deps, leaving, stop.signal)) ? 0 : failures + 1
      if (woken) continue
      nap = new AbortController()
      const waitMs = failures === 0 ? LOOK_MS : delayMs(failures, { ...AGAIN, jitter: deps.random.next() })
      await deps.clock.sleep(waitMs, anyOf(nap.signal, stop.signal)).catch(() => undefined)
    }
  }
  const running = run()
  const wake = () => {
    woken = true
    nap.abort()
  }
  return {
    wake,
    objectGone(namespace) {
      if (leaving.has(namespace) && !deps.fluxObjects(namespace).some(isLeaving)) wake()
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new FleetError('aborted', 'the agent stops'))
      await running
    },
  }
}

/** One look at all tenants, and a word on each. @returns false when something failed; `leaving` has what waits for objects to go */
async function round(deps: TenantDeps, leaving: Set<string>, signal: AbortSignal): Promise<boolean> {
  const adoption = deps.adoption()
  let done = true
  for (const tenant of deps.tenants()) {
    const problems = adoption.kind === 'acting' ? await keep(deps, tenant, leaving, signal) : [`the agent only looks on: ${adoption.why}`]
    if (signal.aborted) return false
    if (adoption.kind === 'acting' && problems.length > 0) done = false
    if (!tenant.removed) deps.told({ tenant: tenant.tenant, position: tenant.position, problem: sentence(problems) })
  }
  return done
}

/** @returns what is in the way, a sentence per namespace */
async function keep(deps: TenantDeps, tenant: TenantFact, leaving: Set<string>, signal: AbortSignal): Promise<readonly string[]> {
  const problems: string[] = []
  for (const namespace of tenant.namespaces) {
    if (signal.aborted) break
    leaving.delete(namespace)
    try {
      if (!tenant.removed) await setUp(deps, tenant, namespace, signal)
      else {
        leaving.add(namespace)
        if (await takeAway(deps, tenant, namespace, signal)) leaving.delete(namespace)
      }
    } catch (error) {
      if (signal.aborted) break
      problems.push(messageOf(error))
      deps.log.warn(
        { event: 'tenant.failed', tenant: tenant.tenant, object: `Namespace/${namespace}`, err: error },
        'cannot keep a tenant as the hub names it, trying again',
      )
    }
  }
  return problems
}

function sentence([first, ...more]: readonly string[]): string | undefined {
  return first === undefined || more.length === 0 ? first : `${first} (and ${more.length} more of its namespaces)`
}

function isLeaving({ metadata }: Manifest): boolean {
  return metadata.deletionTimestamp !== undefined
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

/**
 * Flux objects first, as the tenant's account, so that their finalizers still have an identity; rights last.
 * @returns false while objects are on their way out; the last of them calls for another look
 */
async function takeAway(deps: TenantDeps, tenant: TenantFact, namespace: string, signal: AbortSignal): Promise<boolean> {
  const { kube, as, log } = deps
  const bound = await kube.get({ ...BINDING, name: IMPERSONATE_ROLE, namespace }, { signal })
  if (!bound) return true
  const account = as(serviceAccount(namespace, tenant.serviceAccount))
  let left = 0
  for (const object of deps.fluxObjects(namespace)) {
    const { apiVersion, kind, metadata } = object
    const at = { apiVersion, kind, name: metadata.name, namespace }
    if (isLeaving(object)) {
      left++
      continue
    }
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
