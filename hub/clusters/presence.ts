import type { Clock } from '../../proto/base/clock.ts'
import type { ClusterStatus } from '../../proto/model/fleet/cluster.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { clusterManifest, type Overview, withFacts, withOverview } from './fleet-object.ts'
import type { Cluster } from './model.ts'

/** The fleet objects of kind Cluster, as far as membership writes them. */
export interface ClusterObjects {
  get(name: string): Promise<Manifest | undefined>
  create(manifest: Manifest): Promise<void>
  change(name: string, change: (old: Manifest) => Manifest): Promise<void>
  changeStatus(name: string, change: (old: Manifest) => unknown): Promise<void>
  changeStatuses(all: readonly { readonly name: string; readonly change: (old: Manifest) => unknown }[]): Promise<void>
  remove(name: string): Promise<void>
}

export interface PresenceDeps {
  readonly objects: ClusterObjects
  readonly overviews: (ids: readonly string[]) => Promise<readonly Overview[]>
  readonly clock: Clock
  /** Told after a Cluster came, went, or got other labels. */
  readonly membersChanged: () => Promise<void>
}

type Said = Parameters<typeof withFacts>[1]
type Greeting = Required<Said>

/** Keeps the Cluster objects of the fleet as the rows say: who is a member, who is connected, how its objects do. */
export interface Presence {
  joined(cluster: Cluster, labels: Readonly<Record<string, string>>): Promise<void>
  removed(cluster: Cluster): Promise<void>
  greeted(id: string, greeting: Greeting): Promise<void>
  /** What is known of a cluster changed while it was connected. */
  told(id: string, facts: Greeting['facts']): Promise<void>
  /** The labels that people gave the cluster. */
  labels(id: string): Promise<Readonly<Record<string, string>>>
  /** Brings status in line with the rows; writes only where it differs. */
  refresh(ids: readonly string[]): Promise<void>
}

export function createPresence({ objects, overviews, clock, membersChanged }: PresenceDeps): Presence {
  async function refresh(ids: readonly string[]): Promise<void> {
    const found = await overviews(ids)
    const change = (overview: Overview) => (old: Manifest) =>
      withOverview(statusOf(old), overview, { generation: old.metadata.generation ?? 1, now: clock.now() })
    await objects.changeStatuses(found.map((overview) => ({ name: overview.name, change: change(overview) })))
  }
  const keepFacts = async (id: string, said: Said) => {
    const [overview] = await overviews([id])
    if (overview && (await objects.get(overview.name))) await objects.changeStatus(overview.name, (old) => withFacts(statusOf(old), said))
  }
  return {
    refresh,
    async joined(cluster, labels) {
      const approved = cluster.approvedAt !== undefined
      if (!(await objects.get(cluster.name))) await objects.create(clusterManifest(cluster, labels))
      else await objects.change(cluster.name, (old) => ({ ...old, spec: { ...(old.spec as object | undefined), approved } }))
      await refresh([cluster.id])
      await membersChanged()
    },
    async removed(cluster) {
      if (await objects.get(cluster.name)) await objects.remove(cluster.name)
      await membersChanged()
    },
    greeted: keepFacts,
    told: (id, facts) => keepFacts(id, { facts }),
    async labels(id) {
      const [overview] = await overviews([id])
      return (overview && (await objects.get(overview.name)))?.metadata.labels ?? {}
    },
  }
}

function statusOf(manifest: Manifest): ClusterStatus {
  return (manifest.status ?? {}) as ClusterStatus
}
