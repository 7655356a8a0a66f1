import { FleetError } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { Lane } from '../../../proto/model/subjects.ts'
import { type AgentBus, type BusCredentials, openAgentBus } from '../../bus/bus.ts'

/** The connection to NATS, which begins with the first credentials. */
export interface BusLine extends AsyncDisposable {
  /** Uses these credentials from now on. */
  use(credentials: BusCredentials): void
  /** @throws `unavailable` while there is no connection */
  publish(lane: Lane, bytes: Uint8Array, options: { readonly id: string }): Promise<void>
}

export function openBusLine(deps: { readonly log: Log }): BusLine {
  const stop = new AbortController()
  let bus: AgentBus | undefined
  let changing: Promise<void> = Promise.resolve()
  const change = async (credentials: BusCredentials) => {
    if (stop.signal.aborted) return
    try {
      if (bus) await bus.renew(credentials)
      else bus = await untilAborted(openAgentBus({ credentials, log: deps.log, signal: stop.signal }), stop.signal)
    } catch (error) {
      if (!stop.signal.aborted)
        deps.log.error({ event: 'bus.failed', err: error }, 'cannot connect to NATS; the next credentials are tried')
    }
  }
  return {
    use(credentials) {
      changing = changing.then(() => change(credentials))
    },
    async publish(lane, bytes, options) {
      if (!bus) throw new FleetError('unavailable', `report ${lane}: there is no connection to NATS yet`)
      await bus.publish(lane, bytes, options)
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new FleetError('aborted', 'the agent stops'))
      await changing
      await bus?.[Symbol.asyncDispose]()
    },
  }
}

/** The first connection may take for ever; one that comes too late is closed. */
async function untilAborted(opening: Promise<AgentBus>, signal: AbortSignal): Promise<AgentBus> {
  const aborted = Promise.withResolvers<never>()
  const stop = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([opening, aborted.promise])
  } catch (error) {
    opening.then((late) => late[Symbol.asyncDispose]()).catch(() => undefined)
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
