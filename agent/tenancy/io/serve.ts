import { FleetError } from '../../../proto/base/errors.ts'
import { anyOf } from '../../../proto/base/signals.ts'
import { acquireLease, type LeaseOptions, type Tenure } from './lease.ts'

export interface Service extends AsyncDisposable {
  state(): 'waiting' | 'acting'
}

const AGAIN_MS = 5_000

/**
 * Acts while this process holds the cluster's lease, and waits for it otherwise. Losing it closes the work before the
 * next attempt; disposal closes the work first and gives the lease back after it.
 * @param open  begins all work of one tenure
 */
export function serveUnderLease(options: LeaseOptions, open: (tenure: Tenure, signal: AbortSignal) => Promise<AsyncDisposable>): Service {
  const { clock, log } = options
  const stop = new AbortController()
  let state: ReturnType<Service['state']> = 'waiting'
  const serve = async () => {
    while (!stop.signal.aborted) {
      try {
        await using tenure = await acquireLease(options, stop.signal)
        const until = anyOf(stop.signal, tenure.signal)
        await using _work = await open(tenure, until)
        state = 'acting'
        await ended(until)
      } catch (error) {
        if (stop.signal.aborted) return
        log.error({ event: 'agent.failed', err: error }, 'the agent could not go on with its work, trying again')
        await clock.sleep(AGAIN_MS, stop.signal).catch(() => undefined)
      } finally {
        state = 'waiting'
      }
    }
  }
  const serving = serve()
  return {
    state: () => state,
    async [Symbol.asyncDispose]() {
      stop.abort(new FleetError('aborted', 'the agent stops'))
      await serving
    },
  }
}

function ended(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
