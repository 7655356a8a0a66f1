import type { Random } from '../../proto/base/random.ts'
import type { SourceStatusFact } from '../../proto/model/facts.ts'
import type { SourceObject } from '../../proto/model/flux/source/kinds.ts'
import { unserved } from '../../proto/model/flux/unserved.ts'
import { intervalMs } from './schedule.ts'
import { type SourceWord, sourceWord } from './source-word.ts'

export interface SourceDeps {
  readonly object: (key: string) => SourceObject | undefined
  readonly fact: (key: string) => SourceStatusFact | undefined
  readonly say: (key: string, word: SourceWord, signal: AbortSignal) => Promise<void>
  /** True where the object refers to Secrets. */
  readonly hasCredential: (object: SourceObject) => boolean
  /** Reads the credential again; true when there is something new to tell the hub. */
  readonly refreshCredential: (key: string, object: SourceObject, signal: AbortSignal) => Promise<boolean>
  readonly tellAgain: (key: string) => void
  readonly forget: (key: string) => void
  readonly random: Random
}

/** The interval of a HelmRepository that names none. */
const DEFAULT_INTERVAL = '1m'
/** How soon the Secret of a source that cannot be fetched is read again: that may be what somebody mends. */
const MENDED_MS = 15_000

/** Says of each source object what the hub found, and keeps the hub's copy of its credential new. */
export function createSourceReconciler(deps: SourceDeps) {
  return {
    /** @returns when to look again, in milliseconds */
    async reconcile(key: string, signal: AbortSignal): Promise<number | undefined> {
      const object = deps.object(key)
      if (!object || object.metadata.deletionTimestamp) {
        deps.forget(key)
        return undefined
      }
      const word = sourceWord({ object, unserved: unserved(object), fact: deps.fact(key) })
      if (word) await deps.say(key, word, signal)
      if (object.spec.suspend || !deps.hasCredential(object)) return undefined
      if (await deps.refreshCredential(key, object, signal)) deps.tellAgain(key)
      const nextMs = intervalMs({ interval: object.spec.interval ?? DEFAULT_INTERVAL }, deps.random.next())
      return word?.outcome.kind === 'failed' ? Math.min(nextMs, MENDED_MS) : nextMs
    },
  }
}
