import type { Clock } from '../../../proto/base/clock.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import { REQUESTED_AT } from '../../../proto/model/names.ts'
import type { HelmReleaseOutcome, StatusMoment } from '../../mirror/model.ts'
import type { HelmVoice, JobVoice, NextStatus } from './ports.ts'

/** What an action is about, for those who hear of it. */
export interface Topic {
  readonly revision: string
  readonly appVersion: string
  readonly ociDigest: string
  /** Digest of the values. */
  readonly token: string
}

/** Says of one HelmRelease, as it was when the work began, how far that is. */
export interface Speaker extends JobVoice {
  /** The object with what was said of it. */
  readonly object: HelmRelease
  about(topic: Partial<Topic>): void
  /** Says which HelmChart was made for it. */
  chart(name: string | undefined): Promise<void>
  /** Says that it has failed, once. @returns when to try again, in milliseconds */
  fail(reason: string, message: string): Promise<number>
}

const RETRY_MS = 30_000

/** The status moves on from what was said last, whatever the watch shows meanwhile; its moment is that of the object's generation. */
export function createSpeaker(
  { clock, status: next, voice }: { readonly voice: HelmVoice; readonly status: NextStatus; readonly clock: Clock },
  { key, object, signal }: { readonly key: string; readonly object: HelmRelease; readonly signal: AbortSignal },
): Speaker {
  let told = object
  let isNoted = false
  let topic: Partial<Topic> = {}
  const requestedAt = object.metadata.annotations?.[REQUESTED_AT]
  const write = async () => {
    await voice.helmStatus(key, told.status, signal)
    isNoted = false
  }
  const tell = (outcome: HelmReleaseOutcome) => {
    const at: StatusMoment = {
      generation: object.metadata.generation ?? 0,
      now: clock.now(),
      ...(requestedAt === undefined ? {} : { requestedAt }),
    }
    told = { ...told, status: next(told.status, outcome, at) }
    return told
  }
  const speaker: Speaker = {
    get object() {
      return told
    },
    about(more) {
      topic = { ...topic, ...more }
    },
    async say(outcome) {
      tell(outcome)
      await write()
      return told
    },
    note(outcome) {
      isNoted = true
      return tell(outcome)
    },
    async written() {
      if (isNoted) await write()
    },
    async chart(name) {
      if ((told.status.helmChart ?? undefined) === name) return
      const { helmChart: _, ...rest } = told.status
      told = { ...told, status: { ...rest, ...(name === undefined ? {} : { helmChart: name }) } }
      await write()
    },
    async fail(reason, message) {
      const before = told.status.conditions?.find(({ type }) => type === 'Ready')
      await speaker.say({ kind: 'failed', reason, message })
      if (before?.reason !== reason || before.message !== message) speaker.event({ severity: 'error', reason, message })
      return RETRY_MS
    },
    event(event) {
      const { appVersion, ociDigest, revision = '', token } = topic
      const notes = {
        ...(appVersion ? { 'app-version': appVersion } : {}),
        ...(ociDigest ? { 'oci-digest': ociDigest } : {}),
        ...(token ? { token } : {}),
      }
      voice.event(key, { ...event, revision, notes })
    },
  }
  return speaker
}
