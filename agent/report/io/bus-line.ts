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

export function openBusLine({ log }: { readonly log: Log }): BusLine {
  const stop = new AbortController()
  let bus: AgentBus | undefined
  return {
    use(credentials) {
      if (stop.signal.aborted) return
      if (!bus) bus = openAgentBus({ credentials, log, signal: stop.signal })
      else bus.renew(credentials).catch((error: unknown) => log.warn({ event: 'bus.failed', err: error }, 'cannot connect to NATS anew'))
    },
    async publish(lane, bytes, options) {
      if (!bus) throw new FleetError('unavailable', `report ${lane}: there is no connection to NATS yet`)
      await bus.publish(lane, bytes, options)
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new FleetError('aborted', 'the agent stops'))
      await bus?.[Symbol.asyncDispose]()
    },
  }
}
