import { expect, test } from 'vitest'
import { isFluxController, readManifests, readReleased, refuseKinds } from './manifests.ts'

const map = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n`
const names = (text: string) => {
  const read = readManifests(text)
  return 'objects' in read ? read.objects.map(({ metadata }) => metadata.name) : read.problem
}

test('reads every document, leaves empty ones out and takes lists apart', () => {
  expect(names(`${map('a')}---\n---\n# nothing\n---\n${map('b')}`)).toEqual(['a', 'b'])
  expect(
    names(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } }] })),
  ).toEqual(['p'])
  expect(names('')).toEqual([])
})

test('says which document is no object, without quoting it', () => {
  expect(names(`${map('a')}---\nsecret: value\n`)).toMatch(/^document 2 of the build is no Kubernetes object/)
  expect(names('a: [secret')).toMatch(/^document 1 of the build is not YAML: [A-Z_]+$/)
})

test('refuses aliases, which no build has', () => {
  expect(() => readManifests(`x: &a [1]\n${map('a')}y: *a\n`)).toThrow()
})

test('reads aliases and merge keys of a release, within a limit', () => {
  const labels = 'metadata:\n  name: a\n  labels: &l {app: x}\nspec:\n  selector: *l\n  more: {<<: *l, tier: web}\n'
  const read = readReleased(`apiVersion: v1\nkind: Service\n${labels}`)
  expect('objects' in read && read.objects[0]?.spec).toEqual({ selector: { app: 'x' }, more: { app: 'x', tier: 'web' } })
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]']
  for (const [was, now] of ['ab', 'bc', 'cd']) bomb.push(`${now}: &${now} [${Array(10).fill(`*${was}`).join(', ')}]`)
  expect(() => readReleased(`${map('a')}${bomb.join('\n')}\n`)).toThrow()
})

test('reads scalars as Kubernetes does', () => {
  const read = readManifests(`${map('a')}data:\n  on: yes\n  octal: 010\n  time: 2001-01-01\n`)
  expect('objects' in read && read.objects[0]?.data).toEqual({ true: true, octal: 8, time: '2001-01-01' })
})

test('the local policy keeps kinds out by name', () => {
  const read = readManifests(map('a'))
  const objects = 'objects' in read ? read.objects : []
  const policy = { namespaces: [], serviceAccounts: [], tenantServiceAccounts: [], kinds: ['Deployment.apps'] }
  expect(refuseKinds(objects, policy)).toBe("the cluster's local policy does not admit ConfigMap/a")
  expect(refuseKinds(objects, { ...policy, kinds: ['*'] })).toBeUndefined()
})

test('only Deployments that are part of Flux in its own namespace are its controllers', () => {
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'x', namespace: 'flux-system', labels: { 'app.kubernetes.io/part-of': 'flux' } },
  }
  expect(isFluxController(deployment)).toBe(true)
  expect(isFluxController({ ...deployment, metadata: { ...deployment.metadata, namespace: 'apps' } })).toBe(false)
})
