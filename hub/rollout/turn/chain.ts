import type { RolloutSpec } from '../../../proto/model/fleet/rollout.ts'
import type { ClusterId } from '../../../proto/model/ids.ts'
import { explainTarget } from '../explain.ts'
import type { Chain, ChainQuery, RolloutName, RolloutStore } from '../ports.ts'
import { type Why, why } from '../why.ts'
import { windowAt } from '../windows.ts'

/** Why a cluster has, or has not, the newest revision of one source. */
export interface SourceWhy extends Why {
  /** `GitRepository/team-a/platform` */
  readonly source: string
}

/** A Placement that leaves a cluster out, and why it does. */
export interface LeftOut {
  readonly cluster: string
  /** `team-a/podinfo` */
  readonly placement: string
  readonly revision: string
  readonly says: string
}

/** The way of what a Placement says to a cluster that it leaves out: it ends where it begins. */
export function whyLeftOut({ cluster, placement, revision, says }: LeftOut): SourceWhy {
  const source = { object: `Placement/${placement}`, url: undefined, suspended: false, problem: says }
  const nothing = { builds: { waiting: 0 }, objects: [] }
  return { source: source.object, ...why({ cluster: { name: cluster, connected: true }, source, newest: { revision }, ...nothing }) }
}

/** The way from the commit to a cluster, for each source object that is asked about. */
export async function whyChains(
  store: Pick<RolloutStore, 'chains' | 'peek'>,
  specOf: (at: Omit<RolloutName, 'uid'>) => Promise<RolloutSpec | undefined>,
  query: ChainQuery,
): Promise<readonly SourceWhy[]> {
  const chains = await store.chains(query)
  return Promise.all(
    chains.map(async ({ rollout, ...facts }) => {
      const says = rollout === undefined ? undefined : await sayOf(rollout)
      return { source: facts.source.object, ...why({ ...facts, ...(rollout && says ? { rollout: { name: rollout, says } } : {}) }) }
    }),
  )

  async function sayOf(key: NonNullable<Chain['rollout']>): Promise<string> {
    const [namespace = '', name = ''] = key.split('/')
    const [found, spec] = await Promise.all([store.peek({ namespace, name }), specOf({ namespace, name })])
    if (!found || !spec) return 'it has just been deleted'
    if (!found.run) return found.state.standing ? 'no run was started since' : 'no run was started yet'
    const { hold, paused } = found.state
    const facts = {
      clusters: [],
      window: windowAt(spec.windows ?? [], found.now),
      paused: paused !== undefined || spec.suspend,
      approvals: new Map(),
      skips: new Map(),
    }
    const said = explainTarget(found.run, query.clusterId as ClusterId, { facts, now: found.now })
    return hold ? `${said}; held by ${hold.by} until it is resumed` : said
  }
}
