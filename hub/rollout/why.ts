import { describeLack, type Lack } from './lack.ts'

/** The way of a commit into a cluster, in order. */
export const LINKS = ['commit', 'fetched', 'built', 'released', 'sent', 'applied', 'healthy'] as const
export type Link = (typeof LINKS)[number]

/** What is known of a cluster and one source object there, for `why`. */
export interface ChainFacts {
  readonly cluster: { readonly name: string; readonly connected: boolean; readonly since?: Date | undefined }
  readonly source: {
    /** `GitRepository/team-a/platform`, or `Placement/team-a/podinfo` */
    readonly object: string
    /** Undefined for a Placement: nothing is fetched. Empty while nothing can be. */
    readonly url: string | undefined
    readonly suspended: boolean
    /** Why the last check brought nothing; why a Placement leaves the cluster out. */
    readonly problem?: string | undefined
  }
  /** The newest commit that the source resolved. */
  readonly newest?: { readonly revision: string; readonly author?: string | undefined; readonly subject?: string | undefined } | undefined
  /** What the cluster is to have now; that is the newest revision where no Rollout governs it. */
  readonly wanted?: string | undefined
  /** The Rollout that governs it, and what that says of this cluster (`explainTarget`). */
  readonly rollout?: { readonly name: string; readonly says: string } | undefined
  /** Consumers without a build of what is wanted: how many wait for one, and the first problem. */
  readonly builds: { readonly waiting: number; readonly problem?: { readonly object: string; readonly message: string } | undefined }
  /** What the cluster was released last, and whether its agent acknowledged that. */
  readonly release?: { readonly revision: string; readonly acked: boolean } | undefined
  /** What consumes the source there, or the Placement gives it, or the one object that was asked about. */
  readonly objects: readonly ChainObject[]
}

export interface ChainObject {
  /** `Kustomization/team-a/podinfo` */
  readonly object: string
  readonly suspended: boolean
  readonly applied?: string | undefined
  readonly ready: boolean
  /** What keeps what it applied from being healthy. */
  readonly lack?: Lack | undefined
  readonly reason?: string | undefined
  readonly message?: string | undefined
}

/** One link of the chain; `holds` is undefined where a link before it does not hold. */
export interface LinkState {
  readonly link: Link
  readonly holds: boolean | undefined
  readonly says: string
}

export interface Why {
  readonly links: readonly LinkState[]
  /** The first link that does not hold. */
  readonly broken?: Link | undefined
  readonly sentence: string
}

/** Why a cluster does or does not have the newest commit: the first link that does not hold, in one sentence. */
export function why(facts: ChainFacts): Why {
  const links: LinkState[] = []
  let broken: LinkState | undefined
  for (const link of LINKS) {
    if (broken) {
      links.push({ link, holds: undefined, says: '' })
      continue
    }
    const problem = PROBLEM_OF[link](facts)
    const state: LinkState =
      problem === undefined ? { link, holds: true, says: SAID_OF[link](facts) } : { link, holds: false, says: problem }
    if (!state.holds) broken = state
    links.push(state)
  }
  const { name } = facts.cluster
  if (broken) return { links, broken: broken.link, sentence: `${name}: ${broken.says}` }
  return { links, sentence: `${name} has ${facts.wanted}, and ${everything(facts)} is ready` }
}

type Ask<Answer> = (facts: ChainFacts) => Answer

/** What keeps a link from holding. */
const PROBLEM_OF: Readonly<Record<Link, Ask<string | undefined>>> = {
  commit: ({ newest, source }) => {
    if (newest) return undefined
    const cause = source.problem ?? (source.suspended ? `${source.object} is suspended there` : undefined)
    return `nothing was found at ${source.url || source.object} yet${cause === undefined ? '' : `: ${cause}`}`
  },
  fetched: ({ source }) => {
    if (source.suspended) return `${source.object} is suspended there: it keeps what it has until it is resumed`
    return source.problem && `${source.object} ${source.url === undefined ? 'gives it nothing' : 'cannot be fetched'}: ${source.problem}`
  },
  built: ({ builds, newest, source, wanted }) => {
    if (wanted === undefined || wanted !== newest?.revision) return undefined
    if (builds.problem)
      return `${builds.problem.object} cannot be ${source.url === undefined ? 'given' : 'built'} at ${wanted}: ${builds.problem.message}`
    return builds.waiting > 0
      ? `${wanted} is being built for ${builds.waiting === 1 ? 'one object' : `${builds.waiting} objects`}`
      : undefined
  },
  released: ({ newest, release, rollout, wanted }) => {
    if (rollout && wanted !== newest?.revision)
      return `Rollout ${rollout.name} keeps ${newest?.revision} back${wanted ? ` and gives it ${wanted}` : ''}: ${rollout.says}`
    return release?.revision === wanted ? undefined : `${wanted} is about to be released to it`
  },
  sent: ({ cluster, release }) => {
    if (release?.acked) return undefined
    if (cluster.connected) return `${release?.revision} is on its way to its agent, which has not acknowledged it yet`
    return `its agent is ${away(cluster)}; ${release?.revision} waits for it`
  },
  applied: ({ cluster, objects, release }) => {
    const behind = objects.find(({ applied, suspended }) => suspended || applied !== release?.revision)
    if (!behind) return undefined
    if (behind.suspended) return `${behind.object} is suspended: it applies nothing until it is resumed`
    return `${behind.object} has not applied ${release?.revision}${because(behind)}${asOf(cluster)}`
  },
  healthy: ({ cluster, objects }) => {
    const ill = objects.find(({ lack, ready }) => !ready || lack)
    if (!ill) return undefined
    if (!ill.ready || !ill.lack) return `${ill.object} is not ready${because(ill)}${asOf(cluster)}`
    return `${ill.object} is ready; ${describeLack(ill.object, ill.lack).message}${asOf(cluster)}`
  },
}

/** What a link that holds says. */
const SAID_OF: Readonly<Record<Link, Ask<string>>> = {
  commit: ({ newest }) =>
    [newest?.revision, newest?.subject && `“${newest.subject}”`, newest?.author && `by ${newest.author}`].filter(Boolean).join(' '),
  fetched: ({ source }) =>
    source.url === undefined ? `${source.object} chooses the cluster` : `${source.object} fetched it from ${source.url}`,
  built: ({ objects, source }) =>
    `${source.url === undefined ? 'written' : 'built'} for ${objects.length === 1 ? 'one object' : `${objects.length} objects`}`,
  released: ({ rollout }) => (rollout ? `given by Rollout ${rollout.name}` : 'no Rollout governs it: it follows the newest revision'),
  sent: () => 'its agent acknowledged it',
  applied: (facts) => `${everything(facts)} applied it`,
  healthy: (facts) => `${everything(facts)} is ready`,
}

/** What was reported last may be old. */
function asOf(cluster: ChainFacts['cluster']): string {
  return cluster.connected ? '' : `; its agent is ${away(cluster)}`
}

function away({ since }: ChainFacts['cluster']): string {
  return since ? `not connected since ${since.toISOString()}` : 'not connected'
}

function because({ message, ready, reason }: ChainObject): string {
  if (ready || (!reason && !message)) return ''
  return `: ${[reason, message].filter(Boolean).join(': ')}`
}

function everything({ objects, source }: ChainFacts): string {
  const [only, more] = objects
  const what = source.url === undefined ? ['it gives nothing', 'it gives'] : ['nothing consumes it', 'consumes it']
  if (!only) return `${what[0]} there, so everything`
  return more ? `everything that ${what[1]} (${objects.length} objects)` : only.object
}
