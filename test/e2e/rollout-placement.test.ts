import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunState } from '../../proto/model/fleet/rollout-status.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { aConfigMap, aGitRepository, aKustomization, yaml } from '../support/flux.ts'
import { type RolloutView, viewRollout } from '../support/rollout-view.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// A Placement that changes wave by wave, with real agents: made, changed, and broken.

let world: TestWorld
let rollout: RolloutView
beforeAll(async () => {
  world = await openWorld(['one', 'two'])
  rollout = viewRollout(world, 'web')
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
const ended = (number: number, state: RunState) =>
  rollout.run(`run ${number} is ${state}`, '', (run) => run.number === number && run.state === state)
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
  expect((await ended(2, 'succeeded')).waves).toMatchObject([
    { name: 'first', healthy: 1, state: 'complete' },
    { name: 'rest', healthy: 1, state: 'complete' },
  ])
  expect(await paths()).toEqual(['./v2', './v2'])
  await place('./nowhere')
  const { message, revision } = await ended(3, 'rolled-back')
  expect(message).toContain('one: Kustomization/flux-system/web: ')
  expect(await rollout.status()).toMatchObject({ badRevisions: [revision], problems: [{ cluster: 'one' }] })
  expect(await paths()).toEqual(['./v2', './v2'])
})
