import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RolloutStatus } from '../../proto/model/fleet/rollout-status.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { eventually } from '../support/eventually.ts'
import { aConfigMap, aGitRepository, aKustomization, yaml } from '../support/flux.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// A Placement that changes wave by wave, with real agents: made, changed, and broken.

let world: TestWorld
beforeAll(async () => {
  world = await openWorld(['one', 'two'])
  const repository = await world.repository('web')
  await repository.commit({ 'v1/one.yaml': yaml(aConfigMap('web', { is: 'v1' })), 'v2/one.yaml': yaml(aConfigMap('web', { is: 'v2' })) })
})
afterAll(() => world[Symbol.asyncDispose]())

const fleet = (kind: string, spec: object): Manifest => ({
  apiVersion: 'fleet.flotilla.dev/v1alpha1',
  kind,
  metadata: { name: 'web', namespace: 'flux-system' },
  spec: spec as Record<string, unknown>,
})
const apply = async (manifest: Manifest) => expect(await world.flotilla(['apply', '-f', '-'], yaml(manifest))).toMatchObject({ code: 0 })
const place = (path: string) =>
  apply(
    fleet('Placement', { clusters: { all: true }, objects: [aGitRepository('web', world.url('web')), aKustomization('web', 'web', path)] }),
  )
const statusOf = async () => {
  const ran = await world.flotilla(['get', 'rollout', 'web', '-o', 'json'])
  return ((JSON.parse(ran.stdout) as Manifest).status ?? {}) as RolloutStatus
}
const ended = (number: number, state: string) =>
  eventually(
    `run ${number} is ${state}`,
    async () => {
      const status = await statusOf()
      return status.run?.number === number && status.run.state === state && status
    },
    { timeoutMs: 60_000 },
  )
async function paths(): Promise<readonly unknown[]> {
  const objects = await Promise.all(['one', 'two'].map((cluster) => world.get(cluster, 'kustomization', 'web', 'flux-system')))
  return objects.map((object) => (object?.spec as { path?: string } | undefined)?.path)
}

test('a Placement comes to its clusters in waves, changes in waves, and is taken back where it breaks the first', async () => {
  const waves = [
    { name: 'first', max: 1 },
    { name: 'rest', rest: true },
  ]
  await apply(fleet('Rollout', { source: { kind: 'Placement', name: 'web' }, waves, onFailure: { action: 'rollback' } }))
  await place('./v1')
  await ended(1, 'succeeded')
  expect(await paths()).toEqual(['./v1', './v1'])
  await place('./v2')
  expect((await ended(2, 'succeeded')).run?.waves).toMatchObject([
    { name: 'first', healthy: 1, state: 'complete' },
    { name: 'rest', healthy: 1, state: 'complete' },
  ])
  expect(await paths()).toEqual(['./v2', './v2'])
  await place('./nowhere')
  const { badRevisions, run } = await ended(3, 'rolled-back')
  expect(badRevisions).toEqual([run?.revision])
  expect(await paths()).toEqual(['./v2', './v2'])
})
