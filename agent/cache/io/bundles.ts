import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { Disk } from './disk.ts'

/** Asks the hub for content; each bundle is verified when it comes. */
export type FetchBundles = (
  digests: readonly string[],
  options: { readonly signal: AbortSignal; readonly refused: (digest: string, why: string) => void },
) => AsyncIterable<{ readonly digest: string; readonly bytes: Uint8Array }>

/** Content by digest: from disk, else from the hub. */
export interface Bundles extends AsyncDisposable {
  /** @throws `unavailable` while it is neither here nor to be had */
  get(digest: string, signal: AbortSignal): Promise<Uint8Array>
  /** Fetches what is not here yet, in one request; a failure shows when the content is needed. */
  prefetch(digests: readonly string[]): Promise<void>
}

/** Requests of so long a time go to the hub as one. */
const GATHER_MS = 5
const A_REQUEST = 500

export function openBundles(deps: {
  readonly disk: Disk
  readonly fetch: FetchBundles
  readonly clock: Clock
  readonly log: Log
}): Bundles {
  const { disk, clock } = deps
  const stop = new AbortController()
  const wanted = new Map<string, PromiseWithResolvers<void>>()
  let waiting: string[] = []
  let running: Promise<unknown> = Promise.resolve()

  const flush = async () => {
    await clock.sleep(GATHER_MS, stop.signal).catch(() => undefined)
    const all = waiting
    waiting = []
    for (let at = 0; at < all.length; at += A_REQUEST)
      await fetchAll(deps, { digests: all.slice(at, at + A_REQUEST), wanted, signal: stop.signal })
  }
  const want = (digest: string): Promise<void> => {
    const known = wanted.get(digest)
    if (known) return known.promise
    const asked = Promise.withResolvers<void>()
    asked.promise.catch(() => undefined)
    wanted.set(digest, asked)
    if (waiting.push(digest) === 1) running = Promise.allSettled([running, flush()])
    return asked.promise
  }
  return {
    async get(digest, signal) {
      const here = await disk.bundle(digest)
      if (here) return here
      signal.throwIfAborted()
      await want(digest)
      const fetched = await disk.bundle(digest)
      if (fetched) return fetched
      throw new FleetError('unavailable', `read bundle ${digest}: it was fetched and is not on disk; check the volume of the agent`)
    },
    async prefetch(digests) {
      const missing: string[] = []
      for (const digest of digests) if (!(await disk.has(digest))) missing.push(digest)
      await Promise.allSettled(missing.map(want))
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new FleetError('aborted', 'the agent stops'))
      await running
    },
  }
}

interface Fetching {
  readonly digests: readonly string[]
  readonly wanted: Map<string, PromiseWithResolvers<void>>
  readonly signal: AbortSignal
}

async function fetchAll(
  { disk, fetch, log }: { readonly disk: Disk; readonly fetch: FetchBundles; readonly log: Log },
  o: Fetching,
): Promise<void> {
  const settle = (digest: string, error?: unknown) => {
    const asked = o.wanted.get(digest)
    o.wanted.delete(digest)
    if (error === undefined) asked?.resolve()
    else asked?.reject(error)
  }
  try {
    const refused = (digest: string, why: string) => settle(digest, new FleetError('unavailable', `fetch bundle ${digest}: ${why}`))
    for await (const { digest, bytes } of fetch(o.digests, { signal: o.signal, refused })) {
      await disk.putBundle(digest, { encoding: 'identity', bytes })
      settle(digest)
    }
    for (const digest of o.digests) settle(digest, new FleetError('unavailable', `fetch bundle ${digest}: the hub did not send it`))
  } catch (error) {
    log.info({ event: 'bundles.fetch.failed', count: o.digests.length, err: error }, 'could not fetch bundles')
    for (const digest of o.digests) settle(digest, FleetError.from(error, `fetch bundle ${digest}`))
  }
}
