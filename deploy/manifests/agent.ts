import {
  AGENT_IDENTITY,
  PLATFORM_IDENTITY,
  POLICY_CONFIG_MAP,
  type ServiceAccountRef,
  serviceAccountUser,
} from '../../proto/model/identities.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { AGENT_NAMESPACE, PLATFORM_NAMESPACE } from '../../proto/model/names.ts'
import { formatLocalPolicy, type LocalPolicy } from '../../proto/model/policy.ts'
import { agentAdmission } from './admission.ts'
import type { AgentOptions } from './options.ts'
import { agentRbac, fluxRoles, impersonationBinding, platformBinding } from './rbac.ts'
import { agentWorkload } from './workload.ts'

/**
 * Everything that a cluster needs for the agent beside the Flux CRDs, in the order to apply it: namespaces, identities,
 * rights, admission policies, the local policy and, where it runs in the cluster, the agent itself.
 */
export function agentManifests(options: AgentOptions): readonly Manifest[] {
  const impersonated = new Set([...(options.lockdown ? [] : [PLATFORM_NAMESPACE]), ...options.namespaces])
  return [
    namespace(AGENT_NAMESPACE),
    namespace(PLATFORM_NAMESPACE),
    serviceAccount(AGENT_IDENTITY),
    ...agentAdmission(),
    ...agentRbac(options),
    ...fluxRoles(),
    ...[...impersonated].map(impersonationBinding),
    ...(options.lockdown ? [] : [serviceAccount(PLATFORM_IDENTITY), platformBinding(PLATFORM_IDENTITY)]),
    localPolicy(options),
    ...(options.workload ? agentWorkload(options, options.workload) : []),
  ]
}

/** The Secret with the join token, for `workload.joinTokenSecret`. */
export function joinTokenSecret(name: string, token: string): Manifest {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: AGENT_NAMESPACE }, stringData: { token }, type: 'Opaque' }
}

/** The sentences that an administrator is told before the manifests are applied: as whom the hub can act afterwards. */
export function whatTheHubMayDo({ lockdown, namespaces, tenantClusterRoles }: AgentOptions): readonly string[] {
  return [
    lockdown
      ? 'No platform identity: objects without a ServiceAccount of their own are not applied.'
      : `A hub taken over can act as ${serviceAccountUser(PLATFORM_IDENTITY)}, which is cluster-admin; --lockdown leaves it out.`,
    ...(namespaces.length > 0 ? [`It can act as any ServiceAccount of ${namespaces.join(', ')}.`] : []),
    `It can make namespaces for tenants, and give their ServiceAccounts ${tenantClusterRoles.join(', ')} there and nowhere else.`,
    `The ConfigMap ${AGENT_NAMESPACE}/${POLICY_CONFIG_MAP} narrows this further; the hub cannot change it.`,
  ]
}

function localPolicy({ lockdown, namespaces }: AgentOptions): Manifest {
  const own = namespaces.map((name) => `${name}/*`)
  const policy: LocalPolicy = {
    namespaces: ['*'],
    serviceAccounts: lockdown ? own : [...new Set([`${PLATFORM_NAMESPACE}/*`, ...own])],
    tenantServiceAccounts: [],
    kinds: ['*'],
  }
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: POLICY_CONFIG_MAP, namespace: AGENT_NAMESPACE },
    data: formatLocalPolicy(policy),
  }
}

function namespace(name: string): Manifest {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
}

function serviceAccount(metadata: ServiceAccountRef): Manifest {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { ...metadata } }
}
