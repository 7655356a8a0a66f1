import { inform } from '../../../agent/kube/inform.ts'
import type { Collection, Kube } from '../../../agent/kube/model.ts'
import { systemClock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import { systemRandom } from '../../../proto/base/random.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { nowMs } from '../measure/timing.ts'

/** When the first, half, and all of the objects were so, on the clock of `nowMs`. */
export interface Reached {
  readonly first: number
  readonly half: number
  readonly all: number
}

/** Objects of one kind as a watch shows them. */
export interface Follower extends AsyncDisposable {
  get(name: string): Manifest | undefined
  /** Waits until so many objects have been as `is` says; each counts from the moment when it was. */
  until(count: number, is: (object: Manifest) => boolean, signal: AbortSignal): Promise<Reached>
}

interface Waiter {
  readonly count: number
  readonly is: (object: Manifest) => boolean
  readonly times: Map<string, number>
  readonly done: PromiseWithResolvers<void>
}

/** Starts to follow; resolves once all that is there has been seen. */
export async function follow(kube: Kube, of: Collection): Promise<Follower> {
  const stop = new AbortController()
  const objects = new Map<string, Manifest>()
  const waiters = new Set<Waiter>()
  const synced = Promise.withResolvers<void>()
  const run = async () => {
    for await (const told of inform(kube, of, { signal: stop.signal, clock: systemClock, random: systemRandom })) {
      if (told.kind === 'synced') synced.resolve()
      else if (told.kind === 'upsert') {
        objects.set(told.object.metadata.name, told.object)
        for (const waiter of waiters) look(waiter, told.object)
      } else if (told.kind === 'delete') objects.delete(told.ref.name)
    }
  }
  const running = run().catch((error: unknown) => {
    synced.reject(error)
    if (!stop.signal.aborted) for (const { done } of waiters) done.reject(error)
  })
  await synced.promise
  return {
    get: (name) => objects.get(name),
    async until(count, is, signal) {
      const waiter: Waiter = { count, is, times: new Map(), done: Promise.withResolvers<void>() }
      const late = () =>
        waiter.done.reject(new FleetError('deadline-exceeded', `wait for ${count} ${of.kind}: ${waiter.times.size} are as they should be`))
      signal.addEventListener('abort', late, { once: true })
      waiters.add(waiter)
      for (const object of objects.values()) look(waiter, object)
      await waiter.done.promise.finally(() => waiters.delete(waiter))
      signal.removeEventListener('abort', late)
      const times = [...waiter.times.values()].toSorted((a, b) => a - b)
      const at = (index: number) => times[index] ?? Number.NaN
      return { first: at(0), half: at(Math.ceil(count / 2) - 1), all: at(count - 1) }
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}

function look({ count, is, times, done }: Waiter, object: Manifest): void {
  const { name } = object.metadata
  if (times.has(name) || !is(object)) return
  times.set(name, nowMs())
  if (times.size >= count) done.resolve()
}
