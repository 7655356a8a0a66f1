import { compare } from 'semver'
import type { GitRef, SourceProblem } from './model.ts'
import { parseRange, versionOf } from './version-range.ts'

/** A ref as a server advertises it; `peeled` is the commit behind an annotated tag. */
export interface RemoteRef {
  readonly name: string
  readonly oid: string
  readonly peeled?: string | undefined
}

/** What to fetch, and how the revision is written. */
export type Picked =
  /** `ref` resolved to a commit. */
  | { readonly kind: 'ref'; readonly ref: string; readonly oid: string; readonly revision: string }
  /** A commit that no ref needs to point at; to be looked for in `within`, or in every branch. */
  | { readonly kind: 'commit'; readonly oid: string; readonly within?: string; readonly revision: string }
  | { readonly kind: 'problem'; readonly problem: SourceProblem }

/**
 * Which commit a GitRepository's `ref` stands for, with Flux's precedence (branch < tag < semver < name < commit) and
 * revision strings. No ref at all is the branch `master`.
 */
export function pickRef(ref: GitRef, remote: readonly RemoteRef[]): Picked {
  if (ref.commit) return pickCommit(ref.commit, ref.branch, remote)
  if (ref.name) return pickNamed(ref.name, ref.name, remote)
  if (ref.semver) return pickVersion(ref.semver, remote)
  if (ref.tag) return pickNamed(`refs/tags/${ref.tag}`, ref.tag, remote)
  const branch = ref.branch || 'master'
  return pickNamed(`refs/heads/${branch}`, branch, remote)
}

/** How a commit's hash is written in revisions. */
export function hashOf(oid: string): string {
  return `${oid.length === 64 ? 'sha256' : 'sha1'}:${oid}`
}

function pickNamed(name: string, shown: string, remote: readonly RemoteRef[]): Picked {
  const found = remote.find((candidate) => candidate.name === name)
  if (!found)
    return failed(
      remote.length === 0 ? `couldn't find remote ref "${name}": the repository is empty` : `couldn't find remote ref "${name}"`,
    )
  return { kind: 'ref', ref: name, oid: found.oid, revision: `${shown}@${hashOf(found.peeled ?? found.oid)}` }
}

function pickCommit(commit: string, branch: string | undefined, remote: readonly RemoteRef[]): Picked {
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(commit)) return failed(`ref.commit ${JSON.stringify(commit)} is not a full hash`)
  const revision = branch ? `${branch}@${hashOf(commit)}` : hashOf(commit)
  const within = branch ? `refs/heads/${branch}` : undefined
  if (within && !remote.some(({ name }) => name === within)) return failed(`couldn't find remote ref "${within}"`)
  const tip = remote.find(({ name, oid, peeled }) => (peeled ?? oid) === commit && (within === undefined || name === within))
  if (tip) return { kind: 'ref', ref: tip.name, oid: tip.oid, revision }
  return { kind: 'commit', oid: commit, revision, ...(within ? { within } : {}) }
}

function pickVersion(range: string, remote: readonly RemoteRef[]): Picked {
  const constraint = parseRange(range)
  if (!constraint) return failed(`semver parse error: ${JSON.stringify(range)} is not a range of versions`, true)
  let best: { tag: string; version: string; ref: RemoteRef } | undefined
  for (const ref of remote) {
    if (!ref.name.startsWith('refs/tags/')) continue
    const tag = ref.name.slice('refs/tags/'.length)
    const version = versionOf(tag)
    if (!version || !constraint(version)) continue
    const order = best ? compare(version, best.version) : 1
    // Versions that differ only in build metadata are equal; the later name is taken, so that the answer is always the same.
    if (!best || order > 0 || (order === 0 && tag > best.tag)) best = { tag, version, ref }
  }
  if (!best) return failed(`no match found for semver: ${range}`)
  return { kind: 'ref', ref: best.ref.name, oid: best.ref.oid, revision: `${best.tag}@${hashOf(best.ref.peeled ?? best.ref.oid)}` }
}

function failed(message: string, stalled = false): Picked {
  return { kind: 'problem', problem: { reason: 'GitOperationFailed', message, ...(stalled ? { stalled } : {}) } }
}
