import { choosesCluster } from '../../../proto/model/fleet/clusters.ts'
import type { RolloutSpec } from '../../../proto/model/fleet/rollout.ts'
import type { ClusterId } from '../../../proto/model/ids.ts'
import type { Content } from '../model.ts'
import type { Candidate, RolloutProblem } from '../ports.ts'

/** The clusters of a Rollout, and what is wrong with them. */
export interface Members {
  /** `apart`: its source has another URL or ref than the others', and keeps what it has. */
  readonly clusters: readonly { readonly clusterId: ClusterId; readonly apart: boolean }[]
  /** URL and options of the source in most of them; undefined while none is known. */
  readonly origin: string | undefined
  /** What every Source of the clusters resolved; undefined while they do not agree. */
  readonly newest: Content | undefined
  /** The first ones, by name of the cluster, and how many more there are. */
  readonly problems: readonly RolloutProblem[]
  readonly moreProblems: number
}

const PROBLEMS = 10

/**
 * Which of the clusters that hold the source are the Rollout's: those that its selector chooses and no other Rollout has.
 * Most of them say what URL and ref it moves; whoever differs is kept apart.
 */
export function chooseMembers(spec: Pick<RolloutSpec, 'clusters' | 'source'>, candidates: readonly Candidate[], uid: string): Members {
  const chosen = candidates.filter((one) => spec.clusters === undefined || choosesCluster(spec.clusters, one))
  const taken = chosen.filter(({ governedBy }) => governedBy !== null && governedBy !== uid)
  const own = chosen.filter((one) => !taken.includes(one))
  const origin = usual(own.map((one) => one.origin).filter((one) => one !== ''))
  const members = own.map((one) => ({ ...one, apart: origin !== undefined && one.origin !== '' && one.origin !== origin }))
  const together = members.filter(({ apart, origin: from, suspended }) => !apart && !suspended && from !== '')
  const problems = [
    ...taken.map(({ governor, name }) => ({
      cluster: name,
      message: `Rollout ${governor} already moves ${spec.source.kind} ${spec.source.name} there`,
    })),
    ...members
      .filter(({ apart }) => apart)
      .map(({ name }) => ({
        cluster: name,
        message: `${spec.source.kind} ${spec.source.name} has another ${spec.source.kind === 'HelmChart' ? 'repository, chart or version, or a repository that is suspended,' : 'URL or ref'} there than in most clusters; it keeps what it has`,
      })),
    ...late(together, spec.source),
  ].sort((a, b) => (a.cluster < b.cluster ? -1 : 1))
  return {
    clusters: members.map(({ apart, clusterId }) => ({ clusterId, apart })),
    origin,
    newest: agreed(together),
    problems: problems.slice(0, PROBLEMS),
    moreProblems: Math.max(0, problems.length - PROBLEMS),
  }
}

/** A cluster that a Rollout lets go of, with the source object there that it governed. */
export interface Left {
  readonly cluster_id: ClusterId
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly source_kind: string
  readonly source_namespace: string
  readonly source_name: string
}

/** Another Rollout of the namespace. */
export interface Rival {
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly spec: Pick<RolloutSpec, 'clusters' | 'source'>
}

/** The Rollout that is to have what another lets go of: the first one over the same source object that chooses the cluster. */
export function heirOf(left: Left, rivals: readonly Rival[]): Rival | undefined {
  return rivals.find(
    ({ namespace, spec: { clusters, source } }) =>
      namespace === left.source_namespace &&
      source.kind === left.source_kind &&
      source.name === left.source_name &&
      (clusters === undefined || choosesCluster(clusters, left)),
  )
}

/** The most frequent one; of several the first by name. */
function usual(origins: readonly string[]): string | undefined {
  const counts = new Map<string, number>()
  for (const origin of origins) counts.set(origin, (counts.get(origin) ?? 0) + 1)
  return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))[0]?.[0]
}

function agreed(clusters: readonly Candidate[]): Content | undefined {
  const first = clusters[0]?.newest
  return first && clusters.every(({ newest }) => newest?.revision === first.revision) ? first : undefined
}

/** Clusters whose own Source has not resolved what others have. */
function late(clusters: readonly Candidate[], { kind, name }: RolloutSpec['source']) {
  const [ahead] = clusters.filter(({ newest }) => newest !== null).sort(byProgress)
  return clusters.flatMap((one) => {
    if (!ahead?.newest || one.newest?.revision === ahead.newest.revision) return []
    const at = one.newest
      ? `is at ${one.newest.revision} there and has not come to ${ahead.newest.revision} yet`
      : 'has not been fetched there yet'
    const why = one.problem === null ? '' : `: ${one.problem}`
    return [{ cluster: one.name, message: `${kind} ${name} ${at}; no run starts before${why}` }]
  })
}

/** Whose Source can be fetched and saw something new last. */
function byProgress(a: Candidate, b: Candidate): number {
  return Number(a.problem !== null) - Number(b.problem !== null) || (b.newestAt?.getTime() ?? 0) - (a.newestAt?.getTime() ?? 0)
}
