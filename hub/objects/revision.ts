import { metaTime } from '../../proto/model/condition.ts'
import { beforeRevision, withRevision as withReached } from '../../proto/model/flux/revision.ts'
import type { Artifact } from '../../proto/model/flux/source/artifact.ts'
import type { Manifest } from '../../proto/model/manifest.ts'

/** What the hub knows of a mirrored object beside its row; all of it follows from revisions. */
export interface RevisionFacts {
  /** Where all consumers of the source are, but the stragglers. */
  readonly reached?: { readonly revision: string; readonly at: Date } | undefined
  /** A straggler's own revisions. */
  readonly straggler?: { readonly applied: string; readonly attempted: string } | undefined
  readonly artifact?:
    | { readonly revision: string; readonly digest: string; readonly bytes: number; readonly at: Date | undefined }
    | undefined
}

type Members = Readonly<Record<string, unknown>>

/**
 * The mirrored object with what follows from the revision: the row has a status without it, so that a commit that
 * changes nothing for an object writes no row of it. What the status says by itself wins.
 */
export function withRevision(manifest: Manifest, facts: RevisionFacts): Manifest {
  const before = isMembers(manifest.status) ? manifest.status : {}
  const own = { ...stragglers(facts), ...before }
  const reached = reachedOf(manifest, facts)
  const status = reached ? withReached(manifest.kind, own, reached) : beforeRevision(manifest.kind, own)
  return isMembers(status) && Object.keys(status).length > 0 ? { ...manifest, status } : manifest
}

function reachedOf(manifest: Manifest, { artifact, reached, straggler }: RevisionFacts) {
  const stored = artifact && artifact.digest !== '' ? storedArtifact(manifest, artifact) : undefined
  if (stored) return { revision: stored.revision, at: stored.lastUpdateTime, artifact: stored }
  if (reached) return { revision: reached.revision, at: metaTime(reached.at) }
  return straggler?.applied ? { revision: straggler.applied, at: '' } : undefined
}

function stragglers({ straggler }: RevisionFacts): Members {
  return {
    ...(straggler?.applied ? { lastAppliedRevision: straggler.applied } : {}),
    ...(straggler?.attempted ? { lastAttemptedRevision: straggler.attempted } : {}),
  }
}

function storedArtifact(
  { kind, metadata: { creationTimestamp, name, namespace = '' } }: Manifest,
  { at, bytes, digest, revision }: NonNullable<RevisionFacts['artifact']>,
): Artifact {
  const path = `${kind.toLowerCase()}/${namespace}/${name}/${revision.replace(/^.*[:/]/, '')}.tar.gz`
  return {
    digest,
    lastUpdateTime: at ? metaTime(at) : String(creationTimestamp ?? ''),
    path,
    revision,
    size: bytes,
    url: `http://source-controller.flux-system.svc.cluster.local./${path}`,
  }
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
