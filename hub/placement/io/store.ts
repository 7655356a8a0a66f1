import type { OnUnmatch, PlacementSpec } from '../../../proto/model/fleet/placement.ts'
import { refKey } from '../../../proto/model/object-ref.ts'
import type { Db, Sql } from '../../db/db.ts'
import { PLACEMENTS_LOCK } from '../../db/locks.ts'
import { type Decision, decide, type Hold, pair, type Wish, wishes } from '../decide.ts'
import { revisionOf } from '../expand.ts'
import type { PlacedRow, PlacementFacts, Target } from '../model.ts'
import type { PlacementStore, Settled } from '../ports.ts'
import { type ClusterRow, clusterOf, type PlacedRowOf, placedOf } from './rows.ts'
import * as sql from './statements.ts'

/** So many are taken into one transaction; the rest into the next. */
const PLACEMENTS_AT_ONCE = 100
const CLUSTERS_AT_ONCE = 1_000

/** `PlacementStore` over Postgres. */
export function createPlacementStore(db: Db): PlacementStore {
  return {
    settle: () =>
      db.transaction(async (tx) => {
        await tx.query('select pg_advisory_xact_lock($1)', [PLACEMENTS_LOCK])
        const due = await readDue(tx)
        return due.placements.length + due.clusters.length === 0 ? NOTHING : settle(tx, due)
      }),
    clusters: async () => (await db.query<ClusterRow>(sql.READ_CLUSTERS, [null])).rows.map(clusterOf),
    taken: () => readTaken(db),
    async firstNamespace(tenant) {
      const { rows } = await db.query<{ name: string }>(
        `select spec -> 'namespaces' ->> 0 as name from objects where scope = 'fleet' and kind = 'Tenant' and namespace = '' and name = $1`,
        [tenant],
      )
      return rows[0]?.name
    },
    async again(placements) {
      await db.transaction(async (tx) => {
        // A settlement that is under way may have read what is not so any more, and writes that it is done.
        await tx.query('select pg_advisory_xact_lock($1)', [PLACEMENTS_LOCK])
        await tx.query('update placements set generation = 0 where uid = any($1::text[]) and generation > 0', [placements])
      })
    },
  }
}

const NOTHING: Settled = { clusters: [], placements: [], more: false }

interface Due {
  readonly placements: readonly string[]
  readonly clusters: readonly string[]
}

/** Clusters once no more Placements are due than are taken at once: each is to be settled for all clusters. */
async function readDue(tx: Sql): Promise<Due> {
  const placements = await tx.query<{ uid: string }>(sql.DUE_PLACEMENTS, [PLACEMENTS_AT_ONCE])
  const uids = placements.rows.map(({ uid }) => uid)
  if (uids.length === PLACEMENTS_AT_ONCE) return { placements: uids, clusters: [] }
  const clusters = await tx.query<{ id: string }>(sql.DUE_CLUSTERS, [CLUSTERS_AT_ONCE])
  return { placements: uids, clusters: clusters.rows.map(({ id }) => id) }
}

async function settle(tx: Sql, found: Due): Promise<Settled> {
  const { late, moved, placements } = await readPlacements(tx, found.clusters.length > 0 ? null : found.placements)
  const due = { ...found, placements: [...new Set([...found.placements, ...late])] }
  const read = (await tx.query<ClusterRow>(sql.READ_CLUSTERS, [due.placements.length > 0 ? null : due.clusters])).rows
  const [duePlacements, dueClusters] = [new Set(due.placements), new Set(due.clusters)]
  const isDue = (placement: string, cluster: string) => duePlacements.has(placement) || dueClusters.has(cluster)
  const { earlier, holds } = await readHolds(tx, due.clusters.length > 0 ? null : due.placements)
  const all = wishes({
    ...{ placements, clusters: read.map(clusterOf), taken: await readTaken(tx), holds, earlier },
    isDue: (placement, cluster) => isDue(placement.uid, cluster.id),
  })
  const wished = await withoutNewcomers(tx, all, moved)
  const concerned = [...new Set([...due.clusters, ...wished.map(({ cluster }) => cluster.id)])]
  await tx.query(sql.LOCK_HEADS, [concerned, due.placements])
  const present = await readPresent(tx, due, wished)
  const how = await onUnmatchOf(tx, placements, present)
  const decision = decide(wished, {
    present,
    due: ({ clusterId, placement }) => isDue(placement, clusterId),
    onUnmatch: ({ placement }) => how.get(placement),
  })
  const news = await write(tx, due, { decision, clusters: read.filter(({ id }) => dueClusters.has(id)) })
  await writeSettled(tx, due, placements)
  const more = found.placements.length === PLACEMENTS_AT_ONCE || due.clusters.length === CLUSTERS_AT_ONCE
  return { clusters: news.clusters, placements: [...new Set([...due.placements, ...news.placements])], more }
}

interface PlacementRow extends Omit<PlacementFacts, 'firstNamespace' | 'generation' | 'tenant'> {
  readonly generation: bigint
  readonly tenant: string
  readonly first_namespace: string
  readonly spec: PlacementSpec
  /** A Rollout has it as its source. */
  readonly moved: boolean
  readonly due: boolean
}

/** `late` are those that came, or changed, since it was read what is due: they are settled as well, or nothing of them would be whole. */
async function readPlacements(tx: Sql, uids: readonly string[] | null) {
  const { rows } = await tx.query<PlacementRow>(sql.READ_PLACEMENTS, [uids])
  const placements = rows.map(
    ({ due: _due, first_namespace, generation, moved: _moved, tenant, ...row }): PlacementFacts => ({
      ...row,
      generation: Number(generation),
      tenant: tenant === '' ? undefined : tenant,
      firstNamespace: first_namespace,
    }),
  )
  const late = rows.flatMap(({ due, uid }) => (due ? [uid] : []))
  return { placements, late, moved: new Set(rows.flatMap(({ moved, uid }) => (moved ? [uid] : []))) }
}

/** The wishes, without content for clusters that a Rollout has not seen yet: they are its own, and wait for what it grants. */
async function withoutNewcomers(tx: Sql, wished: readonly Wish[], moved: ReadonlySet<string>): Promise<readonly Wish[]> {
  const pairs = wished.flatMap(({ cluster, placement }) =>
    moved.has(placement.uid) ? [{ placement: placement.uid, clusterId: cluster.id }] : [],
  )
  if (pairs.length === 0) return wished
  const { rows } = await tx.query<Pick<Hold, 'placement' | 'clusterId'>>(sql.HOLD_NEWCOMERS, [JSON.stringify(pairs)])
  const held = new Set(rows.map(({ clusterId, placement }) => pair(placement, clusterId)))
  return wished.map((wish) =>
    held.has(pair(wish.placement.uid, wish.cluster.id)) ? { ...wish, revision: undefined, expansion: { objects: [] } } : wish,
  )
}

async function readTaken(on: Sql): Promise<ReadonlyMap<string, string>> {
  const { rows } = await on.query<{ namespace: string; tenant: string }>(sql.READ_TAKEN)
  return new Map(rows.map(({ namespace, tenant }) => [namespace, tenant]))
}

async function readHolds(tx: Sql, uids: readonly string[] | null) {
  const { rows } = await tx.query<{ placement: string; clusterId: string; revision: string | null; objects: readonly unknown[] | null }>(
    sql.READ_HOLDS,
    [uids],
  )
  const holds = rows.map(
    // A revision whose objects are not known cannot be given: the cluster stays where it is.
    ({ clusterId, placement, revision }): Hold => ({ clusterId, placement, revision: revision ?? undefined }),
  )
  const earlier = new Map(
    rows.flatMap(({ objects, placement, revision }) => (objects && revision ? [[pair(placement, revision), objects] as const] : [])),
  )
  return { holds, earlier }
}

async function readPresent(tx: Sql, due: Due, wished: readonly Wish[]): Promise<readonly PlacedRow[]> {
  const keys = wished.flatMap(({ cluster, expansion }) =>
    'objects' in expansion ? expansion.objects.map(({ ref }) => ({ clusterId: cluster.id, ...ref })) : [],
  )
  const { rows } = await tx.query<PlacedRowOf>(sql.READ_PRESENT, [due.placements, due.clusters, JSON.stringify(keys)])
  return rows.map(placedOf)
}

/** What becomes of the objects of each Placement; of those whose object is gone, what it said last. */
async function onUnmatchOf(
  tx: Sql,
  placements: readonly PlacementFacts[],
  present: readonly PlacedRow[],
): Promise<ReadonlyMap<string, OnUnmatch>> {
  const uids = [...new Set(present.map(({ placement }) => placement))]
  const { rows } = await tx.query<{ uid: string; onUnmatch: OnUnmatch }>(sql.READ_ON_UNMATCH, [uids])
  const said = rows.map(({ onUnmatch, uid }) => [uid, onUnmatch] as const)
  return new Map([...said, ...placements.map(({ spec, uid }) => [uid, spec.onUnmatch] as const)])
}

async function write(tx: Sql, due: Due, { clusters, decision }: { readonly decision: Decision; readonly clusters: readonly ClusterRow[] }) {
  const { manifests, rows, targets } = decision
  const news = { clusters: new Set<string>(), placements: new Set(rows.map(({ placement }) => placement)) }
  const heard = async (statement: string, values: readonly unknown[]) => {
    const { rows: changed } = await tx.query<{ cluster_id?: string; placement?: string }>(statement, values)
    for (const { cluster_id, placement } of changed) {
      if (cluster_id) news.clusters.add(cluster_id)
      if (placement) news.placements.add(placement)
    }
  }
  const left = await leftTargets(tx, due, targets)
  if (left.length > 0) await heard(sql.DELETE_TARGETS, [JSON.stringify(left)])
  const written = targets.map((target) => ({ ...target, revision: target.revision ?? null }))
  if (targets.length > 0) await heard(sql.WRITE_TARGETS, [JSON.stringify(written)])
  if (manifests.size > 0) {
    const texts = Array.from(manifests.values(), (manifest) => JSON.stringify(manifest))
    await tx.query(sql.WRITE_MANIFESTS, [[...manifests.keys()], texts])
  }
  const ordered = rows.map(({ ref, ...row }) => ({ ...row, ...ref, manifest: row.manifest ?? null, leaving: row.leaving ?? null }))
  if (rows.length > 0) await heard(sql.WRITE_PLACED, [JSON.stringify(ordered.sort((a, b) => (refKey(a) < refKey(b) ? -1 : 1)))])
  if (clusters.length > 0) {
    await heard(sql.WRITE_INFOS, [JSON.stringify(clusters.map(({ id, labels, variables }) => ({ id, labels, variables })))])
    await tx.query(sql.WRITE_CLUSTERS, [clusters.map(({ id }) => id), clusters.map(({ digest }) => digest)])
  }
  return { clusters: [...news.clusters], placements: [...news.placements] }
}

/** Pairs that were targets and are none any more. */
async function leftTargets(tx: Sql, due: Due, targets: readonly Target[]) {
  const stay = new Set(targets.map(({ clusterId, placement }) => pair(placement, clusterId)))
  const { rows } = await tx.query<Pick<Target, 'placement' | 'clusterId'>>(sql.READ_TARGETS, [due.placements, due.clusters])
  return rows.filter(({ clusterId, placement }) => !stay.has(pair(placement, clusterId)))
}

async function writeSettled(tx: Sql, due: Due, read: readonly PlacementFacts[]): Promise<void> {
  const settled = read.filter(({ uid }) => due.placements.includes(uid))
  const gone = due.placements.filter((uid) => !settled.some((one) => one.uid === uid))
  const rows = settled.map(({ spec, tenant, ...rest }) => ({
    ...{ ...rest, tenant: tenant ?? '', revision: revisionOf(spec.objects), onUnmatch: spec.onUnmatch, objects: spec.objects },
  }))
  if (rows.length > 0) {
    await tx.query(sql.WRITE_PLACEMENTS, [JSON.stringify(rows)])
    await tx.query(sql.WRITE_REVISIONS, [JSON.stringify(rows)])
  }
  if (gone.length > 0) await tx.query(sql.MARK_GONE, [gone])
}
