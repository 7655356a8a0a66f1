import { describeLack, type Lack } from '../lack.ts'

/** A consumer that is not ready after an attempt at the revision. */
export interface Failing {
  /** Kind/namespace/name */
  readonly object: string
  readonly reason: string
  readonly message: string
  /** Failed attempts at the revision that are known of. */
  readonly attempts: number
  /** True for a release that is to be tried again, as its own strategy says. */
  readonly retried?: boolean
}

/** An object that is neither ready at the revision nor failing at it. */
export interface Waiting {
  readonly object: string
  /** It is in an inventory and nothing was reported of it yet. */
  readonly absent: boolean
  /** It has not attempted the revision yet. */
  readonly behind: boolean
  readonly reason: string | null
  readonly message: string | null
  /** Set where it is Ready: what it applied is not healthy. */
  readonly lack: Lack | null
}

/** What the rows say of one cluster at a revision. */
export interface Looked {
  readonly suspended: boolean
  readonly connected: boolean
  /** The cluster was given the revision. */
  readonly released: boolean
  readonly acked: boolean
  /** Objects that are judged: what consumes the source, and what that applied. */
  readonly members: number
  /** Why the source cannot be fetched or served. */
  readonly problem: string | null
  readonly waiting: Waiting | null
  readonly failing: readonly Failing[]
}

/** What its objects say. */
export type Summed = Pick<Looked, 'members' | 'waiting' | 'failing'>

/** Of one cluster at one revision, with the sentence that says why. */
export interface Judged {
  readonly health: 'healthy' | 'progressing' | 'failed' | 'offline'
  readonly reason: string
  readonly message: string
  readonly object?: string
}

/** What the revision itself causes: nothing but another one mends it. */
const AT_ONCE: readonly string[] = [
  'ArtifactFailed',
  'BuildFailed',
  'HealthCheckFailed',
  'InstallFailed',
  'MissingRollbackTarget',
  'PruneFailed',
  'RetriesExceeded',
  'RollbackFailed',
  'RollbackSucceeded',
  'TestFailed',
  'UninstallFailed',
  'UninstallSucceeded',
  'UpgradeFailed',
]
/** What only says that something else has to come first. */
const WAITS: readonly string[] = ['DependencyNotReady', 'Progressing', 'ProgressingWithRetry', 'SourceNotReady', 'Suspended']
/** Words with which an API server refuses the object itself; everything else it says may pass by itself. */
const REFUSED =
  /\((Invalid|BadRequest|NotAcceptable|RequestEntityTooLarge)\)|is invalid|no matches for kind|field is immutable|failed to create typed patch object/
const ATTEMPTS = 2

/**
 * How a cluster does at a revision. Failed is what the revision causes, at once, and what may pass by itself when a second
 * attempt failed too; what waits for something else is progressing. Judged by revision and generation, never by time.
 */
export function judge(looked: Looked): Judged {
  if (looked.suspended) return { health: 'offline', reason: 'SourceSuspended', message: 'the source object is suspended' }
  if (!looked.connected) return { health: 'offline', reason: 'Disconnected', message: 'its agent is not connected' }
  const failure = looked.failing.find(hasFailed)
  if (failure) return { health: 'failed', reason: failure.reason, message: failure.message, object: failure.object }
  if (!looked.released) {
    const message = looked.problem ?? 'the revision is being made ready for it'
    return { health: 'progressing', reason: looked.problem === null ? 'Building' : 'SourceProblem', message }
  }
  const [retried] = looked.failing
  if (retried) return { health: 'progressing', reason: retried.reason, message: `${retried.message}; trying again`, object: retried.object }
  if (looked.waiting) return { health: 'progressing', ...waitingFor(looked.waiting) }
  if (looked.members === 0 && !looked.acked)
    return { health: 'progressing', reason: 'NotAcknowledged', message: 'its agent has not taken the revision yet' }
  return { health: 'healthy', reason: 'Ready', message: 'everything is ready at the revision' }
}

function hasFailed({ attempts, message, reason, retried = false }: Failing): boolean {
  if (WAITS.includes(reason)) return false
  if (retried) return attempts >= ATTEMPTS
  return AT_ONCE.includes(reason) || REFUSED.test(message) || attempts >= ATTEMPTS
}

function waitingFor({ absent, behind, lack, message, object, reason }: Waiting): Omit<Judged, 'health'> {
  if (absent) return { object, reason: 'NotReported', message: `${object} was applied and nothing was reported of it yet` }
  if (behind) return { object, reason: 'NotAttempted', message: `${object} has not come to the revision yet` }
  if (lack) return { object, ...describeLack(object, lack) }
  return { object, reason: reason ?? 'Unknown', message: message ?? `${object} says nothing of itself yet` }
}
