import { type KubeConnection, openKube } from '../../../agent/kube/connection.ts'
import { inform } from '../../../agent/kube/inform.ts'
import type { Collection, Kube } from '../../../agent/kube/model.ts'
import { kubeconfigTarget } from '../../../agent/kube/target.ts'
import { background } from '../../../proto/base/background.ts'
import { systemClock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import { systemRandom } from '../../../proto/base/random.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { nowMs } from '../screen.ts'

/** Objects of an API server as a watch tells them: enough to tell a story without asking again and again. */
export interface FollowedObjects extends AsyncDisposable {
  readonly kube: Kube
  find(kind: string, namespace: string, name: string): Manifest | undefined
  /** Waits until `is` says yes, and returns when that was, on the clock of `nowMs`. `what` is for the sentence when it does not happen. */
  when(what: string, is: () => boolean, signal: AbortSignal): Promise<number>
}

export interface FollowOptions {
  readonly kubeconfig: string
  /** The current one where absent. */
  readonly context?: string
  readonly of: readonly Collection[]
  /** What is wrong with an object, for the sentence when something does not happen. */
  readonly troubles: (object: Manifest) => readonly string[]
  /** Hears of each change before those who wait. */
  readonly changed?: (object: Manifest) => void
}

interface Waiter {
  readonly is: () => boolean
  readonly resolve: (atMs: number) => void
}

export async function followObjects({ changed, context, kubeconfig, of, troubles }: FollowOptions): Promise<FollowedObjects> {
  await using scope = new AsyncDisposableStack()
  const target = await kubeconfigTarget(kubeconfig, systemClock, context)
  const kube = scope.use(openKube(target, { clock: systemClock, random: systemRandom }))
  const objects = new Map<string, Manifest>()
  const waiters = new Set<Waiter>()
  const ended = Promise.withResolvers<never>()
  ended.promise.catch(() => undefined)
  const told = (object?: Manifest) => {
    if (object) changed?.(object)
    for (const waiter of waiters) if (waiter.is()) waiter.resolve(nowMs())
  }
  for (const one of of) background(scope, (signal) => follow(kube, one, { objects, told, signal }), ended.reject)
  const owned = scope.move()
  return {
    kube: kube.own,
    find: (kind, namespace, name) => objects.get(`${kind}/${namespace}/${name}`),
    async when(what, is, signal) {
      if (is()) return nowMs()
      const { promise, resolve, reject } = Promise.withResolvers<number>()
      const late = () => reject(new FleetError('deadline-exceeded', sentence(what, [...objects.values()].flatMap(troubles))))
      signal.addEventListener('abort', late, { once: true })
      const waiter = { is, resolve }
      waiters.add(waiter)
      try {
        return await Promise.race([promise, ended.promise])
      } finally {
        waiters.delete(waiter)
        signal.removeEventListener('abort', late)
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

interface Following {
  readonly objects: Map<string, Manifest>
  readonly told: (object?: Manifest) => void
  readonly signal: AbortSignal
}

async function follow(kube: KubeConnection, of: Collection, { objects, told, signal }: Following): Promise<void> {
  for await (const event of inform(kube.own, of, { signal, clock: systemClock, random: systemRandom })) {
    if (event.kind === 'upsert') {
      objects.set(`${of.kind}/${event.object.metadata.namespace}/${event.object.metadata.name}`, event.object)
      told(event.object)
    } else if (event.kind === 'delete') {
      objects.delete(`${of.kind}/${event.ref.namespace}/${event.ref.name}`)
      told()
    }
  }
}

function sentence(what: string, troubles: readonly string[]): string {
  const late = `${what}: it did not happen in time`
  return troubles.length === 0 ? late : `${late} (${troubles.join('; ')})`
}
