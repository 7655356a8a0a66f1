import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import { AGENT_LEASE } from '../../../proto/model/identities.ts'
import { AGENT_NAMESPACE } from '../../../proto/model/names.ts'
import type { Kube } from '../../kube/model.ts'
import { contend, type LeaseRecord, leaseRecord, type Sighting, sight } from '../lease.ts'

export interface LeaseOptions {
  readonly kube: Kube
  /** Unlike that of any other process. */
  readonly identity: string
  /** Start of the identities of earlier processes with the same folder. */
  readonly predecessors: string
  readonly clock: Clock
  readonly log: Log
  readonly durationMs?: number
  readonly renewMs?: number
}

/** The right to act in the cluster, for as long as `signal` is not aborted. Disposal gives it back at once. */
export interface Tenure extends AsyncDisposable {
  /** Grows with every process that acts. */
  readonly boot: bigint
  readonly signal: AbortSignal
}

const AT = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace: AGENT_NAMESPACE, name: AGENT_LEASE }
const LOOK_MS = 1_000
const MANAGER = 'flotilla-agent'

/** Waits until nobody else acts in this cluster, however long that is, and takes the lease. */
export async function acquireLease(options: LeaseOptions, signal: AbortSignal): Promise<Tenure> {
  const { clock, log, identity, predecessors, durationMs = 15_000 } = options
  let seen: Sighting | undefined
  for (;;) {
    signal.throwIfAborted()
    try {
      const nowMs = clock.now().getTime()
      const record = await look(options, signal)
      if (seen === undefined && record.holder !== '')
        log.info({ event: 'lease.seen', subject: record.holder }, 'another agent may hold the lease')
      seen = sight(seen, record, nowMs)
      const move = contend(seen, { identity, predecessors, durationMs, nowMs })
      if (move.kind === 'take') return await take(options, record, move.transitions, signal)
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof FleetError) || error.code !== 'conflict')
        log.warn({ event: 'lease.failed', err: error }, 'cannot take the lease, trying again')
    }
    await clock.sleep(LOOK_MS, signal)
  }
}

async function look({ kube }: LeaseOptions, signal: AbortSignal): Promise<LeaseRecord> {
  const live = await kube.get(AT, { signal })
  if (live) return leaseRecord(live)
  const { apiVersion, kind, name, namespace } = AT
  const empty = { apiVersion, kind, metadata: { name, namespace }, spec: { leaseTransitions: 0 } }
  return leaseRecord(await kube.create(empty, { fieldManager: MANAGER, signal }))
}

async function take(options: LeaseOptions, record: LeaseRecord, transitions: number, signal: AbortSignal): Promise<Tenure> {
  const { identity, clock, log, durationMs = 15_000 } = options
  const at = microTime(clock.now())
  const spec = {
    holderIdentity: identity,
    acquireTime: at,
    leaseDurationSeconds: Math.ceil(durationMs / 1000),
    leaseTransitions: transitions,
  }
  const held = await write(options, { ...spec, renewTime: at }, record.resourceVersion, signal)
  log.info({ event: 'lease.acquired', epoch: transitions }, 'this agent acts in the cluster')
  const stop = new AbortController()
  const lost = new AbortController()
  const renewing = keepRenewing(options, { held, stop: stop.signal, lost })
  return {
    boot: BigInt(transitions),
    signal: lost.signal,
    async [Symbol.asyncDispose]() {
      stop.abort()
      const last = await renewing
      if (!lost.signal.aborted) await release(options, last)
      lost.abort(new FleetError('aborted', 'the agent gave the lease back'))
    },
  }
}

/** Renews until stopped; the lease is lost when somebody else has it, or no renewal went through for two thirds of its life. */
async function keepRenewing(
  options: LeaseOptions,
  o: { readonly held: LeaseRecord; readonly stop: AbortSignal; readonly lost: AbortController },
): Promise<LeaseRecord> {
  const { clock, log, identity, durationMs = 15_000, renewMs = 5_000 } = options
  let { held } = o
  let renewedMs = clock.now().getTime()
  while (!o.stop.aborted && !o.lost.signal.aborted) {
    const late = clock.now().getTime() - renewedMs > renewMs
    await clock.sleep(late ? LOOK_MS / 2 : renewMs, o.stop).catch(() => undefined)
    if (o.stop.aborted) break
    const deadlineMs = renewedMs + (durationMs * 2) / 3
    try {
      const spec = { holderIdentity: identity, renewTime: microTime(clock.now()) }
      held = await write(options, spec, held.resourceVersion, o.stop, Math.max(1000, deadlineMs - clock.now().getTime()))
      renewedMs = clock.now().getTime()
    } catch (error) {
      if (o.stop.aborted) break
      const taken = error instanceof FleetError && (error.code === 'conflict' || error.code === 'not-found')
      const mine = taken ? await stillMine(options, o.stop) : undefined
      if (mine) held = mine
      else if (taken || clock.now().getTime() >= deadlineMs) {
        log.warn({ event: 'lease.lost', err: error }, 'lost the lease: all work stops')
        o.lost.abort(new FleetError('aborted', 'the agent lost its lease; another one acts in this cluster'))
      }
    }
  }
  return held
}

/** A conflict may come from a write of ours whose answer was lost, or of somebody who changed other fields. */
async function stillMine(options: LeaseOptions, signal: AbortSignal): Promise<LeaseRecord | undefined> {
  const live = await options.kube.get(AT, { signal, timeoutMs: 5_000 }).catch(() => undefined)
  const record = live && leaseRecord(live)
  return record?.holder === options.identity ? record : undefined
}

async function release(options: LeaseOptions, held: LeaseRecord): Promise<void> {
  const soon = AbortSignal.timeout(3_000)
  const spec = { holderIdentity: null, renewTime: microTime(options.clock.now()), leaseDurationSeconds: 1 }
  await write(options, spec, held.resourceVersion, soon).catch((error: unknown) => {
    options.log.info({ event: 'lease.kept', err: error }, 'could not give the lease back; it ends by itself')
  })
}

async function write(
  { kube }: LeaseOptions,
  spec: Readonly<Record<string, unknown>>,
  resourceVersion: string,
  signal: AbortSignal,
  timeoutMs = 10_000,
): Promise<LeaseRecord> {
  const body = { metadata: { resourceVersion }, spec }
  return leaseRecord(await kube.patch(AT, { type: 'merge', body, fieldManager: MANAGER, signal, timeoutMs }))
}

/** metav1.MicroTime. */
function microTime(at: Date): string {
  return at.toISOString().replace('Z', '000Z')
}
