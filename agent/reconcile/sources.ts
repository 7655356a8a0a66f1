import type { Random } from '../../proto/base/random.ts'
import type { SourceStatusFact } from '../../proto/model/facts.ts'
import type { GitRepository } from '../../proto/model/flux/source/kinds.ts'
import { unserved } from '../../proto/model/flux/unserved.ts'
import { type SourceWord, sourceWord } from './git-repository.ts'
import { intervalMs } from './schedule.ts'

export interface SourceDeps {
  readonly object: (key: string) => GitRepository | undefined
  readonly fact: (key: string) => SourceStatusFact | undefined
  readonly say: (key: string, word: SourceWord, signal: AbortSignal) => Promise<void>
  /** Reads the credential again; true when there is something new to tell the hub. */
  readonly refreshCredential: (key: string, object: GitRepository, signal: AbortSignal) => Promise<boolean>
  readonly tellAgain: (key: string) => void
  readonly forget: (key: string) => void
  readonly random: Random
}

/** Says of each GitRepository what the hub found, and keeps the hub's copy of its credential new. */
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
      if (object.spec.suspend || object.spec.secretRef === undefined) return undefined
      if (await deps.refreshCredential(key, object, signal)) deps.tellAgain(key)
      return intervalMs(object.spec, deps.random.next())
    },
  }
}
