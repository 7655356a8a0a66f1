import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { sourceStatus } from '../../agent/mirror/source-status.ts'
import { statusPatch } from '../../agent/mirror/status-patch.ts'
import { agentManifests, joinTokenSecret } from '../../deploy/manifests/agent.ts'
import { manifestsYaml } from '../../deploy/manifests/yaml.ts'
import { tenantObjects } from '../../proto/model/fleet/tenant-objects.ts'
import { fluxCrds } from '../../proto/model/flux/crds.ts'
import { AGENT_IDENTITY } from '../../proto/model/identities.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { openCluster, type TestCluster } from '../support/cluster.ts'
import { kubectl } from '../support/kubectl.ts'

let cluster: TestCluster
let agent: string
const OPTIONS = {
  clusterName: 'test',
  hub: { address: 'hub.example:8443', ca: 'PEM' },
  lockdown: false,
  namespaces: [],
  tenantClusterRoles: ['edit'],
}

beforeAll(async () => {
  cluster = await openCluster({ name: 'rights' })
  const input = manifestsYaml([...fluxCrds(), ...agentManifests(OPTIONS)])
  await cluster.kubectl(['apply', '--server-side', '-f', '-'], { input })
  await cluster.kubectl(['wait', 'crd', '--all', '--for=condition=Established', '--timeout=30s'])
  await cluster.kubectl(['create', 'namespace', 'other'])
  agent = await cluster.serviceAccountKubeconfig(AGENT_IDENTITY.namespace, AGENT_IDENTITY.name)
  await cluster.kubectl(['apply', '-f', '-'], { input: manifestsYaml([repository('flux-system')]) })
  await admissionIsOn()
})
afterAll(() => cluster[Symbol.asyncDispose]())

const repository = (namespace: string): Manifest => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name: 'repo', namespace, labels: { a: 'b' } },
  spec: { url: 'https://example.com/x', interval: '1m' },
})
const asAgent = (...args: readonly string[]) => kubectl(agent, args)
const create = (manifest: Manifest, ...args: readonly string[]) =>
  kubectl(agent, ['create', '-f', '-', ...args], { input: JSON.stringify(manifest) })
const patch = (body: unknown, ...args: readonly string[]) =>
  asAgent('patch', 'gitrepo', 'repo', '-n', 'flux-system', '--type=merge', '-p', JSON.stringify(body), ...args)

/** The API server takes policies up some moments after they are stored. */
async function admissionIsOn(): Promise<void> {
  const refusedWith = (attempt: () => Promise<string>, words: RegExp) =>
    vi.waitFor(() => expect(attempt()).rejects.toThrow(words), { timeout: 30_000, interval: 200 })
  await refusedWith(() => patch({ spec: { interval: '9m' } }, '--dry-run=server'), /may change nothing of a Flux object/)
  await refusedWith(() => create(namespaceOf('nobody'), '--dry-run=server'), /may only create namespaces/)
  await refusedWith(() => asAgent('create', 'serviceaccount', 'x', '-n', 'other', '--dry-run=server'), /only in namespaces with the label/)
}

const namespaceOf = (name: string, labels?: Readonly<Record<string, string>>): Manifest => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, ...(labels ? { labels } : {}) },
})
const bindingOf = (namespace: string, role: string, subject: { readonly namespace: string; readonly name: string }): Manifest => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata: { name: 'planted', namespace },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
  subjects: [{ kind: 'ServiceAccount', ...subject }],
})

const CAN: readonly (readonly [string, string, string])[] = [
  ['yes', 'watch kustomizations', ''],
  ['yes', 'list gitrepositories', ''],
  ['yes', 'patch helmreleases', ''],
  ['yes', 'patch kustomizations --subresource=status', ''],
  ['yes', 'create events', 'other'],
  ['yes', 'update leases/flotilla-agent', 'flotilla-system'],
  ['yes', 'get configmaps/flotilla-policy', 'flotilla-system'],
  ['yes', 'list deployments.apps', 'flux-system'],
  ['yes', 'impersonate serviceaccounts', 'flux-system'],
  ['no', 'create kustomizations', 'flux-system'],
  ['no', 'delete kustomizations', 'flux-system'],
  ['no', 'get secrets', 'flotilla-system'],
  ['no', 'get secrets', 'flux-system'],
  ['no', 'list secrets', ''],
  ['no', 'get configmaps/other', 'flotilla-system'],
  ['no', 'update configmaps/flotilla-policy', 'flotilla-system'],
  ['no', 'list configmaps', 'other'],
  ['no', 'update leases/another', 'flotilla-system'],
  ['no', 'get leases/flotilla-agent', 'kube-system'],
  ['no', 'list pods', 'flux-system'],
  ['no', 'create deployments.apps', 'flux-system'],
  ['no', 'list deployments.apps', 'other'],
  ['no', 'create pods', 'other'],
  ['no', 'update namespaces', ''],
  ['no', 'delete namespaces', ''],
  ['no', 'impersonate serviceaccounts', 'kube-system'],
  ['no', 'impersonate serviceaccounts', 'other'],
  ['no', 'impersonate serviceaccounts', ''],
  ['no', 'impersonate users', ''],
  ['no', 'impersonate groups', ''],
  ['no', 'create serviceaccounts --subresource=token', 'flux-system'],
  ['no', 'create clusterrolebindings', ''],
  ['no', 'create clusterroles', ''],
  ['no', 'escalate clusterroles', ''],
  ['no', 'bind clusterroles/cluster-admin', ''],
  ['yes', 'bind clusterroles/edit', ''],
  ['no', 'update validatingadmissionpolicies', ''],
  ['no', 'create customresourcedefinitions', ''],
  ['no', '* *', ''],
]

test.each(CAN)('answers %s to whether the agent itself may %s in "%s"', async (answer, question, namespace) => {
  const where = namespace === '' ? ['--all-namespaces'] : ['-n', namespace]
  const said = await asAgent('auth', 'can-i', ...question.split(' '), ...where).catch((error: unknown) => String(error))
  expect(/^yes/m.test(said) ? 'yes' : 'no').toBe(answer)
})

test('the agent writes status and its finalizer on Flux objects', async () => {
  await patch({ status: { observedGeneration: 1 } }, '--subresource=status')
  await patch({ metadata: { finalizers: ['finalizers.fluxcd.io'] } })
  await patch({ metadata: { finalizers: [] } })
})

test.each([
  ['spec', { spec: { interval: '2m' } }],
  ['labels', { metadata: { labels: { a: 'c' } } }],
  ['annotations', { metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': 'now' } } }],
  ['finalizers of others', { metadata: { finalizers: ['example.com/mine'] } }],
])('the agent itself may not change the %s of a Flux object', async (_name, body) => {
  await expect(patch(body)).rejects.toThrow(/may change nothing of a Flux object but its status and the finalizer/)
})

test('as the platform identity the same change passes', async () => {
  await patch({ spec: { interval: '3m' } }, '--as=system:serviceaccount:flux-system:flotilla-platform')
})

test('the agent sets a tenant up and acts as its ServiceAccount, there and nowhere else', async () => {
  for (const object of tenantObjects({ tenant: 'team', namespace: 'team-a', serviceAccount: 'flotilla-tenant', clusterRole: 'edit' }))
    await expect.poll(() => create(object).then(() => 'made', String), { timeout: 10_000, interval: 100 }).toMatch(/^made$|already exists/)
  const as = '--as=system:serviceaccount:team-a:flotilla-tenant'
  await expect
    .poll(() => asAgent('create', 'configmap', 'theirs', '-n', 'team-a', as).then(() => 'made', String))
    .toMatch(/^made$|already exists/)
  await expect(asAgent('create', 'configmap', 'theirs', '-n', 'other', as)).rejects.toThrow(/cannot create resource "configmaps".*"other"/)
  await expect(asAgent('create', 'configmap', 'own', '-n', 'team-a')).rejects.toThrow(/flotilla-agent" cannot create resource "configmaps"/)
  await asAgent('delete', 'rolebinding', 'flotilla-tenant', '-n', 'team-a')
})

test.each(['system:serviceaccount:kube-system:default', 'system:serviceaccount:other:default', 'admin', 'system:admin'])(
  'the agent may not act as %s',
  async (user) => {
    await expect(asAgent('get', 'configmaps', '-n', 'other', `--as=${user}`)).rejects.toThrow(/cannot impersonate resource/)
  },
)

test.each([
  [
    'a binding in a namespace that is no tenant’s',
    () => create(bindingOf('other', 'edit', { namespace: 'other', name: 'default' })),
    /only in namespaces with the label/,
  ],
  [
    'a binding in kube-system',
    () => create(bindingOf('kube-system', 'flotilla-impersonate', AGENT_IDENTITY)),
    /only in namespaces with the label/,
  ],
  [
    'a ServiceAccount in a namespace that is no tenant’s',
    () => asAgent('create', 'serviceaccount', 'x', '-n', 'other'),
    /only in namespaces with the label/,
  ],
  [
    'rights for itself in a tenant’s namespace',
    () => create(bindingOf('held', 'edit', AGENT_IDENTITY)),
    /other roles only to ServiceAccounts of the same namespace/,
  ],
  [
    'the right to impersonate for somebody else',
    () => create(bindingOf('held', 'flotilla-impersonate', { namespace: 'held', name: 'default' })),
    /only to itself/,
  ],
  [
    'a ClusterRole that was not named at install time',
    () => create(bindingOf('held', 'cluster-admin', { namespace: 'held', name: 'default' })),
    /attempting to grant RBAC permissions/,
  ],
  ['a namespace without the label', () => create(namespaceOf('plain')), /may only create namespaces, each with the label/],
  [
    'the label on a namespace that exists',
    () => asAgent('label', 'namespace', 'other', 'fleet.flotilla.dev/tenant=team'),
    /cannot patch resource "namespaces"/,
  ],
])('the agent itself may not make %s', async (_name, attempt, words) => {
  await create(namespaceOf('held', { 'fleet.flotilla.dev/tenant': 'held' })).catch(() => {})
  await expect(attempt()).rejects.toThrow(words)
})

test('in lockdown there is no platform identity and no right to impersonate outside of tenants', async () => {
  const manifests = agentManifests({ ...OPTIONS, lockdown: true })
  expect(manifests.filter(({ metadata }) => metadata.name === 'flotilla-platform')).toEqual([])
  expect(manifests.filter(({ kind, metadata }) => kind === 'RoleBinding' && metadata.name === 'flotilla-impersonate')).toEqual([])
})

test('whoever may edit a namespace may edit its Flux objects, and whoever may view it sees them', async () => {
  await cluster.kubectl(['create', 'serviceaccount', 'editor', '-n', 'other'])
  await cluster.kubectl(['create', 'rolebinding', 'editor', '--clusterrole=edit', '--serviceaccount=other:editor', '-n', 'other'])
  const editor = '--as=system:serviceaccount:other:editor'
  await expect
    .poll(() => cluster.kubectl(['auth', 'can-i', 'create', 'kustomizations', '-n', 'other', editor]).catch(String), { timeout: 30_000 })
    .toMatch(/^yes/)
  expect(await cluster.kubectl(['auth', 'can-i', 'list', 'helmreleases', '-n', 'other', editor])).toMatch(/^yes/)
})

test('a real API server takes the agent as a Deployment with its volume and configuration', async () => {
  const workload = { image: 'registry.example/flotilla:1', joinTokenSecret: 'join', storage: { size: '1Gi', className: 'fast' } }
  const input = manifestsYaml([...agentManifests({ ...OPTIONS, workload }), joinTokenSecret('join', 'token')])
  const said = await cluster.kubectl(['apply', '--server-side', '--dry-run=server', '-f', '-'], { input })
  expect(said).toContain('deployment.apps/flotilla-agent serverside-applied')
})

test('the API server takes the statuses that are written, and the same once more is no change', async () => {
  const at = { generation: 1, now: new Date('2026-11-21T10:00:00Z'), requestedAt: 'token' }
  const artifact = { digest: 'sha256:00', lastUpdateTime: '2026-11-21T10:00:00Z', path: 'p', revision: 'main@sha1:aaa', size: 1, url: 'u' }
  const stored = { kind: 'stored', artifact, observed: { observedIgnore: '*' } } as const
  const fresh = { observedGeneration: -1 }
  const next = sourceStatus(sourceStatus(fresh, { kind: 'progressing', message: 'p', newRevision: 'x' }, at), stored, at)
  await patch(statusPatch(fresh, next), '--subresource=status')
  const written = JSON.parse(await asAgent('get', 'gitrepo', 'repo', '-n', 'flux-system', '-o', 'json'))
  expect(written.status).toEqual(next)
  const again = sourceStatus(written.status, stored, { ...at, now: new Date('2026-11-21T11:00:00Z') })
  expect(statusPatch(written.status, again)).toBeUndefined()
})
