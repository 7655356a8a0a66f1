import type { SourceStatusFact } from '../../proto/model/facts.ts'
import type { SourceObject } from '../../proto/model/flux/source/kinds.ts'
import { unservedMessage } from '../../proto/model/flux/unserved.ts'
import type { SourceFault, SourceOutcome } from '../mirror/model.ts'
import { storedOutcome } from './source-artifact.ts'

export interface SourceInput {
  readonly object: SourceObject
  /** Fields in use that are not served yet. */
  readonly unserved: readonly string[]
  /** What the hub found last, if anything. */
  readonly fact: SourceStatusFact | undefined
}

/** What to say of a source object, or nothing where the hub has not looked at it in its present generation. */
export interface SourceWord {
  readonly outcome: SourceOutcome
  /** The reconcile request that this answers; absent where it answers none. */
  readonly requestedAt?: string
}

/** How a source object stands by what the hub found. A HelmRepository that is only looked charts up in has no status, as in Flux. */
export function sourceWord({ object, unserved, fact }: SourceInput): SourceWord | undefined {
  const { metadata, spec } = object
  if (unserved.length > 0 && !spec.suspend)
    return { outcome: { kind: 'stalled', reason: 'FeatureGateDisabled', message: unservedMessage(unserved) } }
  if (object.kind === 'HelmRepository' && object.spec.type === 'oci' && !fact?.problem) return undefined
  if (spec.suspend) return { outcome: { kind: 'suspended' } }
  if (!fact || fact.generation < (metadata.generation ?? 0)) return undefined
  const handled = fact.handledAt === '' ? {} : { requestedAt: fact.handledAt }
  if (fact.problem) return { outcome: problemOf(fact.problem), ...handled }
  const outcome = storedOutcome(object, fact)
  return outcome && { outcome, ...handled }
}

/** Reasons of what went wrong after a chart was there. Source: Flux, source-controller. */
const BUILD_REASONS = ['MetadataPatchError', 'ValuesFilesError', 'DependencyBuildError', 'ChartPackageError', 'ChartVerificationError']

function problemOf({ reason, message, stalled }: NonNullable<SourceStatusFact['problem']>): SourceOutcome {
  const fault: SourceFault =
    reason === 'VerificationError' ? 'SourceVerified' : BUILD_REASONS.includes(reason) ? 'BuildFailed' : 'FetchFailed'
  return { kind: stalled ? 'stalled' : 'failed', reason, message, fault }
}
