import { FleetError } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import { Answer as WireAnswer } from '../../../proto/gen/fleet/v1/agent.ts'
import type { Answer, Call } from '../../../proto/model/call.ts'
import { type ClusterId, parseClusterId } from '../../../proto/model/ids.ts'
import { callSubject } from '../../../proto/model/subjects.ts'
import { answerFromWire, answerToWire, decodeCall, encodeCall } from '../../../proto/wire/call.ts'
import type { Bus } from '../../bus/bus.ts'
import type { Sql } from '../../db/db.ts'
import type { LiveSession } from './live.ts'
import { holderOf } from './sessions.ts'

export interface CallDeps {
  readonly sql: Sql
  readonly bus: Bus
  readonly replica: string
  readonly log: Log
  readonly held: ReadonlyMap<ClusterId, LiveSession>
}

const ID_BYTES = 26
const MAX_WAIT_MS = 60_000

/**
 * Has an agent carry out a call, whichever replica holds its session.
 * @throws `unavailable` when the agent is away (nothing was done), `deadline-exceeded` when the outcome is unknown: never repeated here
 */
export async function callAgent(
  deps: CallDeps,
  { clusterId, call, now }: { readonly clusterId: ClusterId; readonly call: Call; readonly now: Date },
): Promise<Answer> {
  const waitMs = Math.min(MAX_WAIT_MS, call.deadline.getTime() - now.getTime())
  if (waitMs <= 0) throw new FleetError('deadline-exceeded', `ask the agent of ${clusterId}: the deadline has passed`)
  const own = live(deps, clusterId)
  if (own) return own.call(call, waitMs)
  const holder = await holderOf(deps.sql, clusterId)
  if (holder === undefined || holder === deps.replica) throw away(clusterId)
  const request = Buffer.concat([Buffer.from(clusterId), encodeCall(call)])
  const bytes = Buffer.from(await deps.bus.request(callSubject(holder), request, { timeoutMs: waitMs + 500 }))
  if (bytes[0] === 0) return answerFromWire(WireAnswer.decode(bytes.subarray(1)))
  const said = JSON.parse(bytes.subarray(1).toString()) as { code: 'unavailable' | 'deadline-exceeded' | 'exhausted'; message: string }
  throw new FleetError(said.code, said.message)
}

/** Answers calls that come from other replicas. */
export function serveCalls(deps: CallDeps, now: () => Date): Disposable {
  return deps.bus.serve(callSubject(deps.replica), async (bytes) => {
    try {
      return Buffer.concat([Buffer.from([0]), WireAnswer.encode(answerToWire(await serve(deps, Buffer.from(bytes), now()))).finish()])
    } catch (error) {
      const { code, message } = FleetError.from(error, 'ask an agent')
      return Buffer.concat([Buffer.from([1]), Buffer.from(JSON.stringify({ code, message }))])
    }
  })
}

async function serve(deps: CallDeps, bytes: Buffer, now: Date): Promise<Answer> {
  const clusterId = parseClusterId(bytes.subarray(0, ID_BYTES).toString())
  const call = decodeCall(bytes.subarray(ID_BYTES))
  if (!clusterId || 'problem' in call) throw new FleetError('invalid', 'ask an agent: the request cannot be read')
  const session = live(deps, clusterId)
  if (!session) throw away(clusterId)
  return session.call(call, Math.min(MAX_WAIT_MS, Math.max(1, call.deadline.getTime() - now.getTime())))
}

function live({ held }: CallDeps, clusterId: ClusterId): LiveSession | undefined {
  const session = held.get(clusterId)
  return session?.kind === 'live' || session?.kind === 'syncing' ? session : undefined
}

function away(clusterId: ClusterId): FleetError {
  return new FleetError('unavailable', `ask the agent of ${clusterId}: it is not connected; try again when it is`)
}
