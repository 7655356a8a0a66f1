import { background } from './background.ts'
import type { Clock } from './clock.ts'
import { messageOf } from './errors.ts'
import type { Log } from './log.ts'

export interface ServerProcess extends AsyncDisposable {
  readonly url: string
  readonly pid: number
}

const LOOK_MS = 500

/**
 * Has a server run for as long as the scope: one that ends by itself, or is killed, is started again at its address.
 * @param start  starts it; given the port that it had before, if it ran before
 */
export async function keepRunning<Server extends ServerProcess>(
  scope: AsyncDisposableStack,
  {
    name,
    start,
    clock,
    log,
  }: { readonly name: string; readonly start: (port?: number) => Promise<Server>; readonly clock: Clock; readonly log: Log },
): Promise<Server> {
  const first = await start()
  const port = Number(new URL(first.url).port)
  let running = first
  scope.defer(() => running[Symbol.asyncDispose]())
  const watch = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      await clock.sleep(LOOK_MS, signal).catch(() => undefined)
      if (signal.aborted || isAlive(running.pid)) continue
      log.warn({ event: 'server.ended', program: name }, 'an embedded server ended; starting it again')
      await start(port).then(
        (again) => {
          running = again
        },
        (error: unknown) =>
          log.error({ event: 'server.failed', program: name, reason: messageOf(error) }, 'cannot start an embedded server'),
      )
    }
  }
  background(scope, watch, (error) =>
    log.error({ event: 'server.unwatched', program: name, err: error }, 'an embedded server is not watched any more'),
  )
  return first
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
