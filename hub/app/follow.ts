import { background } from '../../proto/base/background.ts'
import type { Clock } from '../../proto/base/clock.ts'
import type { ResourceKind } from '../../proto/model/resource/kind.ts'
import { FLEET_SCOPE, type WatchQuery } from '../objects/model.ts'
import type { ObjectService } from '../objects/service.ts'

const AGAIN_MS = 2_000

interface Following {
  readonly kind: ResourceKind
  readonly clock: Clock
  readonly failed: (error: unknown) => void
}

/** Tells of every object of a fleet kind whose spec or labels changed, those that are there first. */
export function follow(
  scope: AsyncDisposableStack,
  objects: ObjectService,
  { clock, failed, kind }: Following,
  tell: (key: string, isGone: boolean) => void,
): void {
  const seen = new Map<string, string>()
  const query: WatchQuery = {
    group: kind.group,
    kind: kind.kind,
    scopes: [FLEET_SCOPE],
    labels: [],
    detail: 'slim',
    bookmarks: false,
    initialEvents: false,
  }
  background(
    scope,
    async (signal) => {
      while (!signal.aborted) {
        try {
          for await (const events of objects.watch(query, { signal })) {
            for (const event of events) {
              if (event.type === 'BOOKMARK') continue
              const { generation, labels, name, namespace, uid } = event.object.manifest.metadata
              const key = `${namespace ?? ''}/${name}`
              const isGone = event.type === 'DELETED'
              const now = JSON.stringify([uid, generation, labels])
              if (!isGone && seen.get(key) === now) continue
              if (isGone) seen.delete(key)
              else seen.set(key, now)
              tell(key, isGone)
            }
          }
        } catch (error) {
          if (!signal.aborted) failed(error)
        }
        await clock.sleep(AGAIN_MS, signal).catch(() => undefined)
      }
    },
    failed,
  )
}
