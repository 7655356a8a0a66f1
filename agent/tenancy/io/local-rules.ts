import { FleetError } from '../../../proto/base/errors.ts'
import { POLICY_CONFIG_MAP } from '../../../proto/model/identities.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { AGENT_NAMESPACE, PLATFORM_NAMESPACE, TENANT_LABEL } from '../../../proto/model/names.ts'
import { type LocalPolicy, parseLocalPolicy } from '../../../proto/model/policy.ts'
import { adoptionOf, isRunning } from '../adoption.ts'
import type { Adoption } from '../model.ts'
import { type FollowDeps, follow } from './follow.ts'

/** What this cluster itself says of who may act in it, kept up to date by watches. */
export interface LocalRules extends AsyncDisposable {
  policy(): LocalPolicy
  adoption(): Adoption
  /** True while this controller of Flux runs in the cluster. */
  runs(controller: string): boolean
  /** Namespaces with a tenant's label, and whose it is. */
  reserved(): ReadonlyMap<string, string>
  /** Resolves once everything has been read, or was refused. */
  known(signal: AbortSignal): Promise<void>
}

const NOTHING_ADMITTED: LocalPolicy = { namespaces: [], serviceAccounts: [], tenantServiceAccounts: [], kinds: [] }

/** Follows the local policy, Flux's own controllers and tenants' namespaces; what cannot be read admits nothing. */
export function openLocalRules(deps: FollowDeps, changed: () => void): LocalRules {
  const maps = { apiVersion: 'v1', kind: 'ConfigMap', namespace: AGENT_NAMESPACE, fieldSelector: `metadata.name=${POLICY_CONFIG_MAP}` }
  const policy = follow(deps, maps, () => {
    current = readPolicy(policy.all(), deps)
    changed()
  })
  let current = NOTHING_ADMITTED
  const controllers = follow(deps, { apiVersion: 'apps/v1', kind: 'Deployment', namespace: PLATFORM_NAMESPACE }, changed)
  const namespaces = follow(deps, { apiVersion: 'v1', kind: 'Namespace', labelSelector: TENANT_LABEL }, changed)
  const all = [policy, controllers, namespaces]
  return {
    policy: () => current,
    adoption() {
      const deployments = controllers.all()
      if (!deployments)
        return { kind: 'observing', why: `Deployments of ${PLATFORM_NAMESPACE} cannot be read, so Flux's own controllers may run there` }
      if (!namespaces.all()) return { kind: 'observing', why: "namespaces cannot be read, so it is not known which are tenants'" }
      return adoptionOf(deployments)
    },
    runs: (controller) => (controllers.all() ?? []).some((one) => one.metadata.name === controller && isRunning(one)),
    reserved: () => new Map((namespaces.all() ?? []).map(({ metadata }) => [metadata.name, metadata.labels?.[TENANT_LABEL] ?? ''])),
    async known(signal) {
      const aborted = Promise.withResolvers<never>()
      const stop = () => aborted.reject(signal.reason)
      signal.throwIfAborted()
      signal.addEventListener('abort', stop, { once: true })
      try {
        await Promise.race([Promise.all(all.map(({ tried }) => tried)), aborted.promise])
      } finally {
        signal.removeEventListener('abort', stop)
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((one) => one[Symbol.asyncDispose]()))
    },
  }
}

function readPolicy(maps: readonly Manifest[] | undefined, { log }: FollowDeps): LocalPolicy {
  const map = maps?.find(({ metadata }) => metadata.name === POLICY_CONFIG_MAP)
  if (!map) {
    const err = new FleetError('not-found', `there is no ConfigMap ${AGENT_NAMESPACE}/${POLICY_CONFIG_MAP}; apply the agent's manifests`)
    log.warn({ event: 'policy.missing', err }, 'nothing is admitted: there is no local policy')
    return NOTHING_ADMITTED
  }
  const read = parseLocalPolicy((map.data ?? {}) as Readonly<Record<string, string>>)
  if ('policy' in read) return read.policy
  const reason = read.problems.map(({ path, message }) => `${path}: ${message}`).join('; ')
  log.warn(
    { event: 'policy.refused', object: `ConfigMap/${AGENT_NAMESPACE}/${POLICY_CONFIG_MAP}`, reason },
    'nothing is admitted: the local policy cannot be read',
  )
  return NOTHING_ADMITTED
}
