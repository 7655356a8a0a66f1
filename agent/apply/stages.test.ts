import { expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { describeChanges, hasChanged } from './changeset.ts'
import { each } from './each.ts'
import { inOrder } from './order.ts'
import { byKind, stagesOf } from './stages.ts'

const an = (kind: string, name = 'x', apiVersion = 'v1'): Manifest => ({ apiVersion, kind, metadata: { name } })
const kinds = (objects: readonly Manifest[]) => objects.map(({ kind }) => kind)

test('orders kinds by what needs what, unknown ones before webhooks', () => {
  const mixed = [
    'ValidatingWebhookConfiguration',
    'Widget',
    'Deployment',
    'Secret',
    'Namespace',
    'ConfigMap',
    'CustomResourceDefinition',
    'Role',
    'ServiceAccount',
    'MutatingWebhookConfiguration',
  ]
  expect(kinds(inOrder(mixed.map((kind) => an(kind))))).toEqual([
    'CustomResourceDefinition',
    'Namespace',
    'ServiceAccount',
    'Role',
    'ConfigMap',
    'Secret',
    'Deployment',
    'Widget',
    'MutatingWebhookConfiguration',
    'ValidatingWebhookConfiguration',
  ])
})

test('orders equal ranks by group, kind, namespace and name', () => {
  const objects = [an('B', 'x', 'b/v1'), an('A', 'x', 'b/v1'), an('Z', 'x', 'a/v1'), an('A', 'a', 'b/v1')]
  expect(inOrder(objects).map(({ kind, metadata }) => kind + metadata.name)).toEqual(['Zx', 'Aa', 'Ax', 'Bx'])
})

test('definitions come in the first stage, classes in the second, kinds by wish in the third', () => {
  const objects = ['ConfigMap', 'Role', 'StorageClass', 'ClusterRole', 'CustomResourceDefinition'].map((kind) => an(kind))
  expect(stagesOf(objects, ['/Role']).map(kinds)).toEqual([
    ['CustomResourceDefinition', 'ClusterRole'],
    ['StorageClass'],
    ['Role'],
    ['ConfigMap'],
  ])
  expect(stagesOf(objects).map(kinds)).toEqual([['CustomResourceDefinition', 'ClusterRole'], ['StorageClass'], ['Role', 'ConfigMap']])
  expect(stagesOf([])).toEqual([])
})

test('neighbours of one kind form a group', () => {
  expect(byKind([an('A', '1'), an('A', '2'), an('B'), an('A', '3')]).map(kinds)).toEqual([['A', 'A'], ['B'], ['A']])
})

test('an event lists what was changed', () => {
  const change = (name: string, action: 'created' | 'unchanged' | 'skipped') => ({
    ref: { group: '', kind: 'ConfigMap', namespace: 'a', name },
    version: 'v1',
    action,
  })
  expect(describeChanges([change('x', 'created'), change('y', 'unchanged'), change('z', 'skipped')])).toBe('ConfigMap/a/x created')
  expect(hasChanged([change('y', 'unchanged'), change('z', 'skipped')])).toBe(false)
})

test('work on many items keeps their order and its limit', async () => {
  let running = 0
  let most = 0
  const results = await each([5, 1, 3, 2], 2, async (ticks) => {
    most = Math.max(most, ++running)
    for (let i = 0; i < ticks; i++) await Promise.resolve()
    running--
    return ticks * 10
  })
  expect([results, most]).toEqual([[50, 10, 30, 20], 2])
})

test('after a failure nothing new is started', async () => {
  const started: number[] = []
  const work = each([1, 2, 3, 4, 5, 6], 2, async (item) => {
    started.push(item)
    await Promise.resolve()
    if (item === 2) throw new Error('two')
  })
  await expect(work).rejects.toThrow('two')
  expect(started.length).toBeLessThan(5)
})
