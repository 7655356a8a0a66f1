import { FleetError, messageOf } from '../../../proto/base/errors.ts'
import { anyOf } from '../../../proto/base/signals.ts'
import type { WatchEvent } from '../../objects/model.ts'
import type { ApiResponse, Target } from '../model.ts'
import type { ApiParts } from '../ports.ts'
import { type Look, renderBookmark, renderEvent } from '../present/render.ts'
import { failure } from '../present/status.ts'
import type { ListOptions } from '../request/options.ts'
import type { Place } from './place.ts'
import { decorated, queryOf } from './read.ts'

type Parts = Pick<ApiParts, 'objects' | 'clusters' | 'clock'>

interface Watch {
  readonly look: Look
  readonly options: ListOptions
  readonly place: Place
  readonly signal: AbortSignal
}

/** A watch lives at most so long; clients then go on from their last version. */
const MAX_WATCH_MS = 30 * 60_000

/** Changes as they come, one JSON document a line. A version that is gone is an answer of its own, before the first line. */
export async function watchObjects(parts: Parts, target: Target, watch: Watch): Promise<ApiResponse> {
  const { options } = watch
  const query = {
    ...(await queryOf(parts, target, watch)),
    from: options.resourceVersion,
    bookmarks: options.bookmarks,
    initialEvents: options.initialEvents,
  }
  const over = AbortSignal.timeout(Math.min(options.timeoutMs ?? MAX_WATCH_MS, MAX_WATCH_MS))
  const signal = anyOf(watch.signal, over)
  const batches = parts.objects.watch(query, { signal })
  const first = await batches.next()
  return { kind: 'stream', contentType: 'application/json', chunks: lines(parts, target, { ...watch, signal, first, batches }) }
}

async function* lines(
  parts: Parts,
  target: Target,
  {
    batches,
    first,
    look,
    signal,
  }: Watch & { readonly batches: AsyncGenerator<readonly WatchEvent[]>; readonly first: IteratorResult<readonly WatchEvent[]> },
): AsyncGenerator<string> {
  let defined = false
  const text = async (events: readonly WatchEvent[]) => {
    const now = { ...look, now: parts.clock.now() }
    const changes = events.flatMap((event) => (event.type === 'BOOKMARK' ? [] : [event.object]))
    const shown = await decorated(parts, target, changes)
    let at = 0
    let out = ''
    for (const event of events) {
      const more = { ...now, first: !defined }
      if (event.type === 'BOOKMARK') out += renderBookmark(event.resourceVersion, { ...more, initialEnd: event.initialEnd })
      else {
        const object = shown[at++]
        if (object) out += renderEvent(event.type, object, more)
      }
      defined = true
    }
    return out
  }
  try {
    if (first.done) return
    yield await text(first.value)
    for await (const events of batches) yield await text(events)
  } catch (error) {
    if (signal.aborted) return
    yield `${JSON.stringify({ type: 'ERROR', object: watchFailure(error) })}\n`
  } finally {
    await batches.return(undefined)
  }
}

function watchFailure(error: unknown) {
  if (error instanceof FleetError && error.code === 'gone') return failure(410, 'Expired', error.message)
  return failure(500, 'InternalError', error instanceof FleetError ? messageOf(error) : 'the watch failed; start it again')
}
