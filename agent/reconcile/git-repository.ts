import { metaTime } from '../../proto/model/condition.ts'
import type { SourceStatusFact } from '../../proto/model/facts.ts'
import type { Artifact } from '../../proto/model/flux/source/artifact.ts'
import type { GitRepository } from '../../proto/model/flux/source/kinds.ts'
import { unservedMessage } from '../../proto/model/flux/unserved.ts'
import type { GitRepositoryOutcome } from '../mirror/model.ts'

export interface SourceInput {
  readonly object: GitRepository
  /** Fields in use that are not served yet. */
  readonly unserved: readonly string[]
  /** What the hub found last, if anything. */
  readonly fact: SourceStatusFact | undefined
}

/** What to say of a source object, or nothing where the hub has not looked at it in its present generation. */
export interface SourceWord {
  readonly outcome: GitRepositoryOutcome
  /** The reconcile request that this answers; absent where it answers none. */
  readonly requestedAt?: string
}

/** How a GitRepository stands by what the hub found. */
export function sourceWord({ object, unserved, fact }: SourceInput): SourceWord | undefined {
  const { metadata, spec } = object
  if (spec.suspend) return { outcome: { kind: 'suspended' } }
  if (unserved.length > 0) return { outcome: { kind: 'stalled', reason: 'FeatureGateDisabled', message: unservedMessage(unserved) } }
  if (!fact || fact.generation < (metadata.generation ?? 0)) return undefined
  const handled = fact.handledAt === '' ? {} : { requestedAt: fact.handledAt }
  if (fact.problem) return { outcome: problemOf(fact.problem), ...handled }
  const artifact = artifactOf(object, fact)
  if (!artifact) return undefined
  return { outcome: { kind: 'stored', artifact, ...(spec.ignore === undefined ? {} : { ignore: spec.ignore }) }, ...handled }
}

/** The artifact as Flux would give it to others. Its time is when this content came, so that a status does not move by itself. */
export function artifactOf({ metadata, status }: GitRepository, fact: SourceStatusFact): Artifact | undefined {
  const sha = fact.revision.slice(fact.revision.lastIndexOf(':') + 1)
  if (fact.revision === '' || fact.artifactDigest === '' || sha === '') return undefined
  const path = `gitrepository/${metadata.namespace ?? ''}/${metadata.name}/${sha}.tar.gz`
  const old = status.artifact
  const same = old?.revision === fact.revision && old.digest === fact.artifactDigest
  return {
    digest: fact.artifactDigest,
    lastUpdateTime: same ? old.lastUpdateTime : metaTime(fact.artifactAt),
    path,
    revision: fact.revision,
    size: fact.artifactBytes,
    url: `http://source-controller.flux-system.svc.cluster.local./${path}`,
  }
}

function problemOf({ reason, message, stalled }: NonNullable<SourceStatusFact['problem']>): GitRepositoryOutcome {
  if (stalled) return { kind: 'stalled', reason, message, fault: 'FetchFailed' }
  return { kind: 'failed', fault: 'FetchFailed', reason, message }
}
