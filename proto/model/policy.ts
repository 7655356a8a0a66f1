import type { ServiceAccountRef } from './identities.ts'
import type { Problem } from './ids.ts'
import type { ObjectRef } from './object-ref.ts'

/** What a cluster's own administrator lets the hub have done there. The hub cannot widen it. */
export interface LocalPolicy {
  /** Namespaces whose Flux objects are served; `*` at the end of a name stands for anything. */
  readonly namespaces: readonly string[]
  /** ServiceAccounts outside of tenants' namespaces that may be acted as, `namespace/name`. */
  readonly serviceAccounts: readonly string[]
  /** ServiceAccounts in tenants' namespaces that may be named beside the tenant's own, `namespace/name`. */
  readonly tenantServiceAccounts: readonly string[]
  /** Kinds that may be applied, `Kind.group` (`Secret.` in the core group) or `*`. */
  readonly kinds: readonly string[]
}

const KEYS = ['namespaces', 'serviceAccounts', 'tenantServiceAccounts', 'kinds'] as const
const PATTERN = {
  namespaces: /^[-a-z0-9]*\*?$/,
  serviceAccounts: /^[-a-z0-9]*\*?\/[-.a-z0-9]*\*?$/,
  tenantServiceAccounts: /^[-a-z0-9]*\*?\/[-.a-z0-9]*\*?$/,
  kinds: /^(\*|[A-Za-z0-9]+\.[-.a-z0-9]*)$/,
} as const

/**
 * Reads the policy from its ConfigMap's data: one key per list, one entry per line. A list that is absent admits
 * nothing; so does everything when there is a problem.
 */
export function parseLocalPolicy(
  data: Readonly<Record<string, string>>,
): { readonly policy: LocalPolicy } | { readonly problems: readonly Problem[] } {
  const known: readonly string[] = KEYS
  const unknown = Object.keys(data).filter((key) => !known.includes(key))
  const entries = (key: (typeof KEYS)[number]) => (data[key] ?? '').split('\n').flatMap((line) => line.trim() || [])
  const problems = [
    ...unknown.map((key) => ({ path: `data.${key}`, message: `unknown list; the lists are ${KEYS.join(', ')}` })),
    ...KEYS.flatMap((key) =>
      entries(key)
        .filter((entry) => !PATTERN[key].test(entry))
        .map((entry) => ({ path: `data.${key}`, message: `cannot read ${JSON.stringify(entry)}` })),
    ),
  ]
  if (problems.length > 0) return { problems }
  const [namespaces, serviceAccounts, tenantServiceAccounts, kinds] = [
    entries('namespaces'),
    entries('serviceAccounts'),
    entries('tenantServiceAccounts'),
    entries('kinds'),
  ]
  return { policy: { namespaces, serviceAccounts, tenantServiceAccounts, kinds } }
}

/** The data of the ConfigMap for the policy, in the form that `parseLocalPolicy` reads. */
export function formatLocalPolicy(policy: LocalPolicy): Readonly<Record<string, string>> {
  return Object.fromEntries(KEYS.map((key) => [key, policy[key].map((entry) => `${entry}\n`).join('')]))
}

/** True when Flux objects of the namespace are served. */
export function admitsNamespace(policy: LocalPolicy, namespace: string): boolean {
  return policy.namespaces.some((pattern) => fits(pattern, namespace))
}

/** True when the agent may act as the ServiceAccount; `tenantAccount` is the own account of the tenant whose namespace it is in. */
export function admitsIdentity(policy: LocalPolicy, account: ServiceAccountRef, tenantAccount: string | undefined): boolean {
  if (tenantAccount !== undefined && account.name === tenantAccount) return true
  const list = tenantAccount === undefined ? policy.serviceAccounts : policy.tenantServiceAccounts
  return list.some((entry) => {
    const [namespace = '', name = ''] = entry.split('/')
    return fits(namespace, account.namespace) && fits(name, account.name)
  })
}

/** True when objects of this kind may be applied. */
export function admitsKind(policy: LocalPolicy, { group, kind }: Pick<ObjectRef, 'group' | 'kind'>): boolean {
  return policy.kinds.some((entry) => entry === '*' || entry === `${kind}.${group}`)
}

function fits(pattern: string, text: string): boolean {
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern
}
