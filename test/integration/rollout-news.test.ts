import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRolloutStore } from '../../hub/rollout/io/store.ts'
import type { News } from '../../hub/rollout/news.ts'
import type { RolloutService } from '../../hub/rollout/service.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'
import { countingDb } from '../support/counting-db.ts'
import { FLEET, openRolloutWorld, type RolloutWorld, startFive } from './rollout-world.ts'

// Which Rollouts are looked at when something is heard, and that many are looked at as one is.

let world: RolloutWorld
let rollouts: RolloutService

beforeEach(async () => {
  world = await openRolloutWorld()
  rollouts = world.service()
})
afterEach(() => world[Symbol.asyncDispose]())

const WAVES = { waves: [{ name: 'all', rest: true, maxConcurrent: '100%' }] }
const KUSTOMIZE = 'kustomize.toolkit.fluxcd.io'
const query = <T>(text: string, values: readonly unknown[] = []) => world.database.db.query<T>(text, values)
const ks = (name: string): ObjectRef => ({ group: KUSTOMIZE, kind: 'Kustomization', namespace: 'flux-system', name })

/** Another source in every cluster, with a Kustomization of its own and a Rollout in progress. */
async function another(name: string): Promise<void> {
  const key = `sha256:${name}`
  await query(
    `insert into sources (key, kind, url, options, trusted, interval_ms, timeout_ms, revision, artifact)
     select $1, kind, url, options, trusted, interval_ms, timeout_ms, revision, artifact from sources where key = 'sha256:source'`,
    [key],
  )
  await query('insert into revisions (source_key, revision, artifact) select $1, revision, artifact from sources where key = $1', [key])
  await query(
    `insert into source_objects (cluster_id, kind, namespace, name, source_key, generation, suspended, interval_ms)
     select id, 'GitRepository', 'flux-system', $1, $2, 1, false, 60000 from clusters`,
    [name, key],
  )
  await query(
    `insert into consumers (cluster_id, grp, kind, namespace, name, source_kind, source_namespace, source_name, options_digest, options, suspended)
     select id, '${KUSTOMIZE}', 'Kustomization', 'flux-system', $1, 'GitRepository', 'flux-system', $1, 'options', '{}', false from clusters`,
    [name],
  )
  await query(
    `insert into releases (cluster_id, source_kind, source_namespace, source_name, source_key, revision, artifact, set_digest, position)
     select id, 'GitRepository', 'flux-system', $1, $2, 'main@sha1:0', 'old', '', 1000 from clusters`,
    [name, key],
  )
  await world.create({ ...WAVES, source: { kind: 'GitRepository', name } }, name)
  await rollouts.survey(`flux-system/${name}`)
}

async function mirror(ref: ObjectRef, labels: Readonly<Record<string, string>>): Promise<void> {
  await query(
    `insert into objects (scope, grp, kind, namespace, name, version, uid, generation, created_at, labels, spec, status)
     select id, $1, $2, $3, $4, 'v1', 'u', 1, now(), $5, '{}', '{}' from clusters`,
    [ref.group, ref.kind, ref.namespace, ref.name, JSON.stringify(labels)],
  )
}

/** Two Rollouts in progress over the same clusters, each over a source of its own. */
async function two(): Promise<News['cluster']> {
  await startFive(world, rollouts, WAVES)
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  await another('other')
  const { rows } = await query<{ id: News['cluster'] }>("select id from clusters where name = 'a'")
  return rows[0]?.id as News['cluster']
}

test('a Rollout hears of what consumes its source, of what that applied, and of nothing else', async () => {
  const cluster = await two()
  const heard = async (news: Omit<News, 'cluster'>) => [...(await rollouts.ofNews([{ cluster, ...news }]))].sort()
  expect(await heard({ object: ks('apps') })).toEqual([FLEET])
  expect(await heard({ object: ks('other') })).toEqual(['flux-system/other'])
  expect(
    await heard({ object: { group: 'source.toolkit.fluxcd.io', kind: 'GitRepository', namespace: 'flux-system', name: 'other' } }),
  ).toEqual(['flux-system/other'])
  expect(await heard({ object: ks('stranger') })).toEqual([])
  // A child of a child: it hangs on what the first of them consumes.
  const appliedBy = (name: string) => ({ [`${KUSTOMIZE}/name`]: name, [`${KUSTOMIZE}/namespace`]: 'flux-system' })
  await mirror(ks('child'), appliedBy('apps'))
  await mirror(ks('grandchild'), appliedBy('child'))
  expect(await heard({ object: ks('grandchild') })).toEqual([FLEET])
  // What itself consumes another source matters to both.
  await mirror(ks('other'), appliedBy('apps'))
  expect(await heard({ object: ks('other') })).toEqual([FLEET, 'flux-system/other'])
  expect(await heard({})).toEqual([FLEET, 'flux-system/other'])
})

test('an agent that took facts is news for those whose releases are among them', async () => {
  const cluster = await two()
  const { rows } = await query<{ name: string; position: bigint }>(
    'select source_name as name, position from releases where cluster_id = $1',
    [cluster],
  )
  const positions = new Map(rows.map(({ name, position }) => [name, position]))
  const [fleet, other] = [positions.get('fleet') ?? 0n, positions.get('other') ?? 0n]
  expect(fleet).not.toBe(other)
  const heard = async (after: bigint, upTo: bigint) => [...(await rollouts.ofNews([{ cluster, taken: { after, upTo } }]))].sort()
  expect(await heard(fleet - 1n, fleet)).toEqual([FLEET])
  expect(await heard(other - 1n, other)).toEqual(['flux-system/other'])
  expect(await heard(other, other + 5n)).not.toContain('flux-system/other')
  expect(await heard(0n, 1_000_000n)).toEqual([FLEET, 'flux-system/other'])
})

test('a Rollout without a run in progress hears nothing', async () => {
  const cluster = await two()
  await query('update rollout_runs set ended_at = now()')
  expect(await rollouts.ofNews([{ cluster }, { cluster, object: ks('apps') }])).toEqual([])
})

test('many Rollouts are looked at with as many statements as one, in one transaction, each by its own facts', async () => {
  await two()
  await another('third')
  const counting = countingDb(world.database.db)
  const shown: string[] = []
  const watching = world.service(() => createRolloutStore(counting), {
    changed: (key) => void shown.push(key),
    settle: async () => undefined,
  })
  const costOf = async (...keys: readonly string[]) => {
    const before = counting.counted.statements
    await watching.look(...keys)
    return counting.counted.statements - before
  }
  const one = await costOf('flux-system/other')
  expect(await costOf('flux-system/other', 'flux-system/third')).toBe(one)
  expect(shown).toEqual(['flux-system/other', 'flux-system/other', 'flux-system/third'])
  await world.follow()
  await rollouts.look(FLEET, 'flux-system/other', 'flux-system/third')
  const runs = await query<{ name: string; state: string }>(
    'select o.name, r.state from rollouts o join rollout_runs r on r.id = o.run order by 1',
  )
  expect(runs.rows).toEqual([
    { name: 'fleet', state: 'succeeded' },
    { name: 'other', state: 'progressing' },
    { name: 'third', state: 'progressing' },
  ])
})
