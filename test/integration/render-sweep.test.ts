import { expect, test } from 'vitest'
import { sweepRender } from '../../hub/render/io/sweep.ts'
import { openTestDatabase } from '../support/postgres.ts'

test('builds and bundles that nobody refers to are collected after a while; those in use or young stay', async () => {
  await using database = await openTestDatabase()
  const { db } = database
  const old = "now() - interval '2 hours'"
  await db.query(`insert into bundles (digest, encoding, size, bytes, touched_at) values
    ('used', 'identity', 1, '', ${old}), ('lost', 'identity', 1, '', ${old}), ('young', 'identity', 1, '', now())`)
  await db.query(`insert into builds (options_digest, reads_digest, reads, bundle, touched_at) values
    ('o1', 'r1', '', 'used', ${old}), ('o2', 'r2', '', 'lost', ${old}), ('o3', 'r3', '', 'young', now())`)
  const cluster = 'c-000000000000000000000001'
  await db.query("insert into clusters (id, name, public_key, csr) values ($1, 'a', 'k', '')", [cluster])
  await db.query("insert into desired values ($1, 'g', 'Kustomization', 'n', 'a', 'GitRepository', 'n', 's', 'o1', 'used', null, 1)", [
    cluster,
  ])
  await sweepRender(db, { retentionMs: 3_600_000 })
  expect((await db.query('select digest from bundles order by 1')).rows).toEqual([{ digest: 'used' }, { digest: 'young' }])
  expect((await db.query('select options_digest as o from builds order by 1')).rows).toEqual([{ o: 'o1' }, { o: 'o3' }])
})

test('what a Rollout may give back to a cluster is kept for a week', async () => {
  await using database = await openTestDatabase()
  const { db } = database
  const cluster = 'c-000000000000000000000001'
  await db.query("insert into clusters (id, name, public_key, csr) values ($1, 'a', 'k', '')", [cluster])
  await db.query(
    "insert into governed (cluster_id, source_kind, source_namespace, source_name, rollout) values ($1, 'GitRepository', 'n', 's', 'r')",
    [cluster],
  )
  for (const [name, source] of [
    ['held', 's'],
    ['free', 'other'],
  ])
    await db.query(
      `insert into consumers (cluster_id, grp, kind, namespace, name, source_kind, source_namespace, source_name, options_digest, options, suspended)
       values ($1, 'g', 'Kustomization', 'n', $2, 'GitRepository', 'n', $3, $2, '{}', false)`,
      [cluster, name, source],
    )
  await db.query(`insert into builds (options_digest, reads_digest, reads, bundle, touched_at) values
    ('held', 'r1', '', 'b1', now() - interval '1 day'), ('held', 'r2', '', 'b2', now() - interval '8 days'), ('free', 'r3', '', 'b3', now() - interval '1 day')`)
  await sweepRender(db, { retentionMs: 3_600_000 })
  expect((await db.query('select reads_digest as r from builds')).rows).toEqual([{ r: 'r1' }])
})
