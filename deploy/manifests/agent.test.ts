import { expect, test } from 'vitest'
import { admitsIdentity, admitsNamespace, parseLocalPolicy } from '../../proto/model/policy.ts'
import { agentManifests, whatTheHubMayDo } from './agent.ts'
import { type AgentOptions, DEFAULT_TENANT_CLUSTER_ROLES } from './options.ts'
import { manifestsYaml } from './yaml.ts'

const options: AgentOptions = {
  clusterName: 'staging',
  hub: { address: 'hub.example:8443', ca: 'PEM' },
  lockdown: false,
  namespaces: ['apps'],
  tenantClusterRoles: DEFAULT_TENANT_CLUSTER_ROLES,
}
const named = (manifests: ReturnType<typeof agentManifests>, kind: string) =>
  manifests.filter((manifest) => manifest.kind === kind).map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`)

test('every namespace named at install time and flux-system get the right to impersonate, and no other', () => {
  const bindings = named(agentManifests(options), 'RoleBinding').filter((name) => name.endsWith('/flotilla-impersonate'))
  expect(bindings).toEqual(['flux-system/flotilla-impersonate', 'apps/flotilla-impersonate'])
})

test('only the platform identity is bound for the whole cluster beside the agent itself, and in lockdown nobody', () => {
  expect(named(agentManifests(options), 'ClusterRoleBinding')).toEqual(['/flotilla-agent', '/flotilla-platform'])
  expect(named(agentManifests({ ...options, lockdown: true }), 'ClusterRoleBinding')).toEqual(['/flotilla-agent'])
})

test('no rule of the agent has a wildcard, names secrets or workloads, or escalates', () => {
  const roles = agentManifests(options).filter(
    ({ kind, metadata }) => /^(Cluster)?Role$/.test(kind) && metadata.name.startsWith('flotilla'),
  )
  const text = JSON.stringify(roles.map(({ rules }) => rules))
  for (const word of ['"*"', '"secrets"', '"pods"', '"escalate"', '"daemonsets"', '"jobs"']) expect(text).not.toContain(word)
})

test('the local policy says what was decided at install time', () => {
  const policyOf = (given: AgentOptions) => {
    const map = agentManifests(given).find(({ metadata }) => metadata.name === 'flotilla-policy')
    const parsed = parseLocalPolicy(map?.data as Record<string, string>)
    if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
    return parsed.policy
  }
  const platform = { namespace: 'flux-system', name: 'flotilla-platform' }
  expect(admitsNamespace(policyOf(options), 'anything')).toBe(true)
  expect(admitsIdentity(policyOf(options), platform, undefined)).toBe(true)
  expect(admitsIdentity(policyOf({ ...options, lockdown: true }), platform, undefined)).toBe(false)
  expect(admitsIdentity(policyOf({ ...options, lockdown: true }), { namespace: 'apps', name: 'any' }, undefined)).toBe(true)
})

test('without a workload there is no Deployment; with one it is a single pod that is never doubled', () => {
  expect(named(agentManifests(options), 'Deployment')).toEqual([])
  const workload = { image: 'flotilla:1', joinTokenSecret: 'join', storage: { size: '1Gi' } }
  const manifests = agentManifests({ ...options, workload })
  expect(named(manifests, 'PersistentVolumeClaim')).toEqual(['flotilla-system/flotilla-agent'])
  expect(manifestsYaml(manifests)).toContain('type: Recreate')
})

test('tells the administrator as whom the hub can act, and that lockdown leaves it out', () => {
  expect(whatTheHubMayDo(options).join('\n')).toMatch(/flux-system:flotilla-platform, which is cluster-admin; --lockdown/)
  expect(whatTheHubMayDo({ ...options, lockdown: true }).join('\n')).not.toMatch(/cluster-admin/)
})
