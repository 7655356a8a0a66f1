import type { Clock } from '../../proto/base/clock.ts'
import type { Log } from '../../proto/base/log.ts'
import { together } from '../../proto/base/together.ts'
import type { Built } from './model.ts'
import type { Answered, DesiredStore, FanOut, Hint, Render, WantedBuilds } from './ports.ts'

/**
 * Sources in the same clusters wait for the same heads: those that are due at once are asked for and written together. Two at
 * a time, so that many clusters do not hold up a few others.
 */
const TOGETHER = { lanes: 2, most: 32 }
/** Who asks at the same moment comes so soon after the first. */
const GATHER_MS = 10

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

export function createDesiredService(deps: {
  store: DesiredStore
  render: Render
  hint: Hint
  clock: Clock
  log: Log
  /** Ends its waits for others. */
  signal?: AbortSignal
}): DesiredService {
  const { store, hint, clock, log, signal = new AbortController().signal } = deps
  const lanes = { ...TOGETHER, pace: { gatherMs: GATHER_MS, rest: 0, clock, signal } }
  const wantedOf = together(lanes, (keys: readonly string[]) => store.wanted(keys))
  const fanOut = together(lanes, async (sources: readonly FanOut[]) => {
    await hint(await store.fanOut(sources))
    return sources.map(() => undefined)
  })

  /** Builds what a target lacks, and fans it out; `others` go out with it. */
  async function settleTarget(
    source: Pick<FanOut, 'sourceKey' | 'objects'>,
    { target, wanted, others }: WantedBuilds & { readonly others: readonly Answered[] },
    signal: AbortSignal,
  ): Promise<void> {
    const startedAt = clock.now().getTime()
    const built = new Map<string, Built>()
    const tell = () => fanOut({ ...source, answers: [...others, { target, built: [...built.values()] }] })
    try {
      await deps.render(target.artifact, wanted, {
        signal,
        async onBuilt(batch) {
          for (const one of batch) built.set(one.optionsDigest, one)
          if (built.size < wanted.length) await tell()
        },
      })
    } finally {
      // What was built until something failed is good all the same.
      if (!signal.aborted) await tell()
    }
    signal.throwIfAborted()
    const durationMs = clock.now().getTime() - startedAt
    log.info({ event: 'desired.settled', revision: target.revision, count: wanted.length, durationMs }, 'revision fanned out')
  }

  return {
    async settle(sourceKey, signal) {
      const { builds, objects } = await wantedOf(sourceKey)
      if (objects.length === 0) return
      const open = builds.filter(({ wanted }) => wanted.length > 0)
      const done = builds.filter(({ wanted }) => wanted.length === 0).map(({ target }): Answered => ({ target, built: [] }))
      // Each fan-out takes the heads of all clusters with something to do: what needs no build goes with the first that does.
      for (const [index, one] of open.entries()) {
        signal.throwIfAborted()
        await settleTarget({ sourceKey, objects }, { ...one, others: index === 0 ? done : [] }, signal)
      }
      if (open.length === 0) await fanOut({ sourceKey, objects, answers: done })
    },
    due: (sourceKey) => store.due(sourceKey),
  }
}
