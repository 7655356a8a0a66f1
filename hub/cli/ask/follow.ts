import { systemClock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Session } from '../session.ts'
import type { WatchLine } from './client.ts'

export interface Following {
  /** Version to go on from; without one, everything that is there comes first, as additions. */
  readonly from?: string | undefined
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
}

const AGAIN_MS = 1000

/**
 * Changes of a collection until the signal ends it. A watch that the hub ends, or that breaks off, is taken up where it
 * was; where the hub no longer knows that version, everything that is there comes again.
 */
export async function* follow(session: Session, path: string, { from, query, signal }: Following): AsyncGenerator<WatchLine> {
  const hub = await session.hub()
  let version = from
  let away = false
  for (;;) {
    try {
      const asked = { ...query, resourceVersion: version, allowWatchBookmarks: 'true' }
      for await (const line of hub.watch(path, { signal, query: asked })) {
        away = false
        version = line.object.metadata.resourceVersion ?? version
        if (line.type !== 'BOOKMARK') yield line
      }
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof FleetError)) throw error
      if (error.code === 'gone') version = undefined
      else if (error.code !== 'unavailable') throw error
      else if (!away) session.say(`◎ ${error.message}; trying again`)
      away = error.code === 'unavailable'
    }
    await systemClock.sleep(AGAIN_MS, signal)
  }
}
