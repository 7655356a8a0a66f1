import { expect, test } from 'vitest'
import { systemClock } from '../../proto/base/clock.ts'
import type { Kustomization } from '../../proto/model/flux/kustomize/kinds.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'
import { describeChanges } from '../apply/changeset.ts'
import type { Change } from '../apply/model.ts'
import type { Item } from '../inventory/model.ts'
import type { Applied } from '../report/model.ts'
import { applyRun, type RunDeps } from './apply-run.ts'

const nothing = { [Symbol.dispose]: () => undefined }
const ref = (group: string, kind: string, name: string): ObjectRef => ({ group, kind, namespace: 'apps', name })
const child = ref('kustomize.toolkit.fluxcd.io', 'Kustomization', 'child')
const change = (one: ObjectRef, action: Change['action']): Change => ({ ref: one, version: 'v1', action })
const object: Kustomization = {
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name: 'apps', namespace: 'flux-system', uid: 'parent', generation: 3 },
  spec: {
    interval: '10m',
    path: './',
    prune: true,
    force: false,
    sourceRef: { kind: 'GitRepository', name: 'fleet' },
  } as Kustomization['spec'],
  status: {},
}

interface Told {
  readonly applied: Applied
  readonly changed: boolean
  readonly followed: readonly Item[]
}

/** What is told of a run that makes these changes, where the child's generation is 1 before it. */
async function told(changes: readonly Change[]): Promise<Told | undefined> {
  let generation = 1
  let found: Told | undefined
  let followed: readonly Item[] = []
  const deps = {
    workload: {
      async apply() {
        if (changes.some((one) => one.ref === child && one.action === 'configured')) generation++
        return { changes }
      },
      hold: () => nothing,
      follow(items: readonly Item[]) {
        followed = items
        return { ...nothing, together: () => undefined }
      },
    },
    prepare: async () => ({ objects: [], digest: 'final' }),
    voice: { event: () => undefined },
    clock: systemClock,
    fromEntries: () => [],
    stale: () => [],
    union: (_old: readonly Item[], now: readonly Item[]) => now,
    describeChanges,
    timeoutMs: () => 1_000,
    awaited: () => [],
    sighted: (items: readonly Item[]) => items.map((item) => ({ ref: item.ref, uid: 'child', generation })),
    follow(applied: Applied, changed: boolean, watch: (news: () => void) => Disposable) {
      watch(() => undefined)
      found = { applied, changed, followed }
      return nothing
    },
  } as unknown as RunDeps
  const plan = { kind: 'apply', account: { namespace: 'flux-system', name: 'a' }, digest: 'bundle', revision: 'r' } as const
  await applyRun(deps, { key: 'k', object, plan, items: [] }, AbortSignal.timeout(5_000))
  return found
}

test('the hub is told what a run was of, and the Flux objects with the generations that it left', async () => {
  const run = await told([change(ref('', 'ConfigMap', 'c'), 'unchanged'), change(child, 'configured')])
  expect(run?.changed).toBe(true)
  expect(run?.applied).toEqual({
    object: { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', namespace: 'flux-system', name: 'apps' },
    ...{ uid: 'parent', generation: 3, bundle: 'bundle' },
    fluxObjects: [{ ref: child, uid: 'child', generation: 2 }],
  })
})

test('a run that changed nothing is none that the hub has to hear of before the revision', async () => {
  expect((await told([change(child, 'unchanged')]))?.changed).toBe(false)
})

test('without `wait` everything that was applied is followed, but Flux objects and what was left alone', async () => {
  const deployment = ref('apps', 'Deployment', 'web')
  const run = await told([
    change(deployment, 'configured'),
    change(ref('apps', 'Deployment', 'foreign'), 'skipped'),
    change(child, 'unchanged'),
    change(ref('', 'Service', 'web'), 'unchanged'),
  ])
  expect(run?.followed.map((item) => `${item.ref.kind}/${item.ref.name}`)).toEqual(['Deployment/web', 'Service/web'])
})
