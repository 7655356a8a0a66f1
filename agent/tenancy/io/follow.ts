import { delayMs } from '../../../proto/base/backoff.ts'
import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { Random } from '../../../proto/base/random.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { refOf } from '../../../proto/model/manifest.ts'
import { refKey } from '../../../proto/model/object-ref.ts'
import { inform } from '../../kube/inform.ts'
import type { Collection, Kube } from '../../kube/model.ts'

export interface FollowDeps {
  readonly kube: Kube
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** A small collection, kept up to date by a watch. */
export interface Followed extends AsyncDisposable {
  /** Undefined until it has been listed once, and while it may not be read. */
  all(): readonly Manifest[] | undefined
  /** Resolves after the first list, or when it turns out that it may not be read. */
  readonly tried: Promise<void>
}

const REFUSED_RETRY = { baseMs: 1000, capMs: 30_000 }

/** Follows a collection for good; `changed` is called after each change of it. */
export function follow(deps: FollowDeps, of: Collection, changed: () => void): Followed {
  const { kube, clock, random, log } = deps
  const objects = new Map<string, Manifest>()
  const stop = new AbortController()
  const tried = Promise.withResolvers<void>()
  let synced = false
  const run = async () => {
    for (let attempt = 1; !stop.signal.aborted; attempt++) {
      try {
        for await (const told of inform(kube, of, { clock, random, signal: stop.signal })) {
          if (told.kind === 'upsert') objects.set(refKey(refOf(told.object)), told.object)
          else if (told.kind === 'delete') objects.delete(refKey(told.ref))
          else if (told.kind !== 'synced') continue
          synced ||= told.kind === 'synced'
          if (told.kind === 'synced') attempt = 1
          if (synced) changed()
          if (synced) tried.resolve()
        }
      } catch (error) {
        tried.resolve()
        if (stop.signal.aborted) return
        synced = false
        objects.clear()
        const waitMs = delayMs(attempt, { ...REFUSED_RETRY, jitter: random.next() })
        log.warn({ event: 'follow.refused', object: of.kind, err: error, waitMs }, 'cannot follow what decides who acts')
        changed()
        await clock.sleep(waitMs, stop.signal).catch(() => undefined)
      }
    }
  }
  const running = run()
  return {
    all: () => (synced ? [...objects.values()] : undefined),
    tried: tried.promise,
    async [Symbol.asyncDispose]() {
      stop.abort(new FleetError('aborted', 'nobody follows this any more'))
      await running
    },
  }
}
