import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Db, openDb } from '../../hub/db/db.ts'
import { type ClusterView, viewCluster } from '../support/cluster-view.ts'
import { eventually } from '../support/eventually.ts'
import { aConfigMap, aGitRepository, aKustomization, yaml } from '../support/flux.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// What nobody uses goes from database and disk by itself, and what clusters have stays.

let world: TestWorld
let view: ClusterView
const scope = new AsyncDisposableStack()

beforeAll(async () => {
  world = scope.use(await openWorld(['one']))
  view = viewCluster(world, 'one')
})
afterAll(() => scope.disposeAsync())

const config = (v: string) => ({ 'app/one.yaml': yaml(aConfigMap('app', { v })) })
const database = async (): Promise<Db> => {
  const postgres = join(world.dir, 'hub', 'postgres')
  const port = readFileSync(join(postgres, 'data', 'postmaster.pid'), 'utf8').split('\n')[3]
  const password = readFileSync(join(postgres, 'password'), 'utf8').trim()
  return openDb(`postgres://flotilla:${password}@127.0.0.1:${port}/postgres`, { signal: AbortSignal.timeout(30_000) })
}
/** Two hours pass, as far as the rows can tell, and a hub starts, which looks after them first of all. */
const later = async () => {
  await world.kill('hub')
  await world.start('hub')
  await using db = await database()
  await db.query("update sources set touched_at = touched_at - interval '2 hours'")
  for (const table of ['artifacts', 'blobs']) await db.query(`update ${table} set touched_at = touched_at - interval '2 hours'`)
  await db.query("update revisions set seen_at = seen_at - interval '2 hours'")
  await world.kill('hub')
  await world.start('hub')
}
const count = async (table: string) => {
  await using db = await database()
  return Number((await db.query<{ n: bigint }>(`select count(*) as n from ${table}`)).rows[0]?.n)
}

test('a repository that nobody asks for any more leaves nothing behind, and the others go on', async () => {
  const [kept, left] = [await world.repository('kept'), await world.repository('left')]
  await kept.commit(config('1'))
  await left.commit({ 'one.yaml': 'left: behind\n' })
  await view.apply(
    aGitRepository('kept', world.url('kept')),
    aGitRepository('left', world.url('left')),
    aKustomization('app', 'kept', './app'),
  )
  await view.ready('gitrepository', 'left')
  await view.ready('kustomization', 'app')
  expect([await count('sources'), await count('revisions'), await count('artifacts'), await count('blobs')]).toEqual([2, 2, 2, 2])
  await world.kubectl('one', ['delete', 'gitrepository', 'left', '-n', 'flux-system'])
  await eventually('the hub knows', async () => (await count('source_objects')) === 1)
  await later()
  await eventually('source and revision are gone', async () => (await count('sources')) + (await count('revisions')) === 2)
  await later()
  await eventually('tree and content are gone', async () => (await count('artifacts')) + (await count('blobs')) === 2)
  await eventually('its cache is gone', async () => readdirSync(join(world.dir, 'hub', 'git')).length === 1)
  await kept.commit(config('2'))
  await view.reconcile('gitrepository', 'kept')
  await eventually('the next commit arrives', async () => (await view.data('app'))?.v === '2')
})
