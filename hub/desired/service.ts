import type { Clock } from '../../proto/base/clock.ts'
import type { Log } from '../../proto/base/log.ts'
import type { Built, Target } from './model.ts'
import type { DesiredStore, Hint, Render } from './ports.ts'

/** Brings what clusters should hold in line with what their sources resolved to. */
export interface DesiredService {
  /**
   * Builds what consumers of the source lack and fans it out. Recomputed from rows each time, so that a repeated or
   * interrupted call loses nothing and changes nothing twice.
   */
  settle(sourceKey: string, signal: AbortSignal): Promise<void>
  /** Keys of sources with something to settle; with a key, whether that one is among them. */
  due(sourceKey?: string): Promise<readonly string[]>
}

export function createDesiredService(deps: { store: DesiredStore; render: Render; hint: Hint; clock: Clock; log: Log }): DesiredService {
  const { store, hint, clock, log } = deps

  async function settleTarget(sourceKey: string, target: Target, signal: AbortSignal): Promise<void> {
    const startedAt = clock.now().getTime()
    const wanted = await store.wanted(sourceKey, target)
    const built = new Map<string, Built>()
    const fanOut = async () => hint(await store.fanOut(sourceKey, target, [...built.values()]))
    if (wanted.length > 0) {
      await deps.render(target.artifact, wanted, {
        signal,
        async onBuilt(batch) {
          for (const one of batch) built.set(one.optionsDigest, one)
          if (built.size < wanted.length) await fanOut()
        },
      })
    }
    signal.throwIfAborted()
    await fanOut()
    const durationMs = clock.now().getTime() - startedAt
    log.info({ event: 'desired.settled', revision: target.revision, count: wanted.length, durationMs }, 'revision fanned out')
  }

  return {
    async settle(sourceKey, signal) {
      for (const target of await store.targets(sourceKey)) {
        signal.throwIfAborted()
        await settleTarget(sourceKey, target, signal)
      }
      await hint(await store.answer(sourceKey))
    },
    due: (sourceKey) => store.due(sourceKey),
  }
}
