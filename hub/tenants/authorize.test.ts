import { expect, test } from 'vitest'
import { may } from './authorize.ts'
import { ACTIONS, type Access, type Subject, VERBS, type Verb } from './model.ts'

const SUBJECTS = {
  admin: { name: 'root', role: 'admin' },
  editor: { name: 'ed', role: 'editor' },
  viewer: { name: 'vi', role: 'viewer' },
  'tenant admin': { name: 'ta', role: 'admin', tenant: 'a' },
  'tenant editor': { name: 'te', role: 'editor', tenant: 'a' },
  'tenant viewer': { name: 'tv', role: 'viewer', tenant: 'a' },
} as const satisfies Record<string, Subject>

const served = { name: 'one', tenants: ['a', 'b'] }
const other = { name: 'two', tenants: ['b'] }

/** Each door: what is behind it, and whose it is. */
const DOORS = {
  'own object in a served cluster': { kind: 'Kustomization', tenant: 'a', cluster: served },
  'own namespace in a cluster that does not serve the tenant': { kind: 'Kustomization', tenant: 'a', cluster: other },
  "another tenant's object": { kind: 'Kustomization', tenant: 'b', cluster: served },
  "nobody's object": { kind: 'GitRepository', cluster: served },
  'event of an own object': { kind: 'Event', tenant: 'a', cluster: served },
  'own secret': { kind: 'Secret', tenant: 'a', cluster: served },
  "another's secret": { kind: 'Secret', tenant: 'b', cluster: served },
  'own rollout': { kind: 'Rollout', tenant: 'a' },
  "another's rollout": { kind: 'Rollout', tenant: 'b' },
  'own tenant': { kind: 'Tenant', tenant: 'a' },
  'another tenant': { kind: 'Tenant', tenant: 'b' },
  'served cluster': { kind: 'Cluster', cluster: served },
  'other cluster': { kind: 'Cluster', cluster: other },
  'cluster by no name': { kind: 'Cluster' },
  token: { kind: 'Token' },
  'join token': { kind: 'JoinToken' },
} as const satisfies Record<string, Omit<Access, 'verb'>>

const READ = ['get', 'list', 'watch'] as const satisfies readonly Verb[]
const WRITE = ['create', 'update', 'patch', 'delete', ...ACTIONS] as const satisfies readonly Verb[]
type Grant = 'all' | 'read' | 'write' | 'none'

/** A missing cell does not compile. */
const TABLE: Record<keyof typeof DOORS, Record<keyof typeof SUBJECTS, Grant>> = {
  'own object in a served cluster': row('all', 'all', 'read', 'all', 'all', 'read'),
  'own namespace in a cluster that does not serve the tenant': row('all', 'all', 'read', 'none', 'none', 'none'),
  "another tenant's object": row('all', 'all', 'read', 'none', 'none', 'none'),
  "nobody's object": row('all', 'all', 'read', 'none', 'none', 'none'),
  'event of an own object': row('all', 'all', 'read', 'all', 'all', 'read'),
  'own secret': row('write', 'write', 'none', 'write', 'write', 'none'),
  "another's secret": row('write', 'write', 'none', 'none', 'none', 'none'),
  'own rollout': row('all', 'all', 'read', 'all', 'all', 'read'),
  "another's rollout": row('all', 'all', 'read', 'none', 'none', 'none'),
  'own tenant': row('all', 'read', 'read', 'read', 'read', 'read'),
  'another tenant': row('all', 'read', 'read', 'none', 'none', 'none'),
  'served cluster': row('all', 'read', 'read', 'read', 'read', 'read'),
  'other cluster': row('all', 'read', 'read', 'none', 'none', 'none'),
  'cluster by no name': row('all', 'read', 'read', 'none', 'none', 'none'),
  token: row('all', 'none', 'none', 'none', 'none', 'none'),
  'join token': row('all', 'none', 'none', 'none', 'none', 'none'),
}

function row(...[admin, editor, viewer, tenantAdmin, tenantEditor, tenantViewer]: readonly [Grant, Grant, Grant, Grant, Grant, Grant]) {
  return { admin, editor, viewer, 'tenant admin': tenantAdmin, 'tenant editor': tenantEditor, 'tenant viewer': tenantViewer }
}

function granted(grant: Grant, verb: Verb): boolean {
  if (grant === 'all') return true
  return grant === 'read' ? READ.some((one) => one === verb) : grant === 'write' && WRITE.some((one) => one === verb)
}

const CASES = Object.entries(DOORS).flatMap(([door, access]) =>
  Object.entries(SUBJECTS).map(([who, subject]) => ({
    door: door as keyof typeof DOORS,
    who: who as keyof typeof SUBJECTS,
    access,
    subject,
  })),
)

test.each(CASES)('$who at $door', ({ door, who, access, subject }) => {
  const got = VERBS.filter((verb) => may(subject, { ...access, verb }))
  expect(got).toEqual(VERBS.filter((verb) => granted(TABLE[door][who], verb)))
})

const APPROVER = { name: 'ap', role: 'viewer', tenant: 'a', verbs: ['approve'] } as const satisfies Subject

test('what may be asked of Rollouts is as the verbs say, whatever the role, and within the tenant', () => {
  const asks = (subject: Subject, kind: string, tenant: string) => ACTIONS.filter((verb) => may(subject, { verb, kind, tenant }))
  expect(asks(APPROVER, 'Rollout', 'a')).toEqual(['approve'])
  expect(asks(APPROVER, 'Rollout', 'b')).toEqual([])
  expect(asks({ ...APPROVER, role: 'editor', verbs: ['pause', 'resume'] }, 'Rollout', 'a')).toEqual(['pause', 'resume'])
  expect(asks({ name: 'root', role: 'admin', verbs: [] }, 'Rollout', 'a')).toEqual([])
})

test('verbs let a viewer write nothing, and take no right to write', () => {
  expect(may(APPROVER, { verb: 'update', kind: 'Rollout', tenant: 'a' })).toBe(false)
  expect(may(APPROVER, { verb: 'approve', kind: 'Cluster', tenant: 'a', cluster: served })).toBe(false)
  expect(may({ ...APPROVER, role: 'editor', verbs: [] }, { verb: 'update', kind: 'Rollout', tenant: 'a' })).toBe(true)
})
