import { isAbsolute, join } from 'node:path/posix'
import { FleetError } from '../proto/base/errors.ts'
import { isDnsLabel } from '../proto/model/ids.ts'

/** How an agent runs; made once by `readConfig`, never changed. */
export interface AgentConfig {
  /** Certificate, desired state and content; on a persistent volume where the cluster has one. */
  readonly dataDir: string
  /** `host:port` of the hub's gRPC door. */
  readonly hub: string
  /** PEM file with the hub's CA. */
  readonly hubCaFile: string
  readonly clusterName: string
  /** File with the join token; needed until there is a certificate. */
  readonly joinTokenFile: string | undefined
  /** How the API server is reached: a kubeconfig with static credentials, or the address that every pod is given. */
  readonly kubernetes: { readonly kubeconfig: string } | { readonly host: string; readonly port: string }
  /** How many Kustomizations are worked on at once; waiting for health holds none of them. */
  readonly concurrency: number
  readonly programs: { readonly helm: string }
  readonly logLevel: string
}

const LEVELS = ['debug', 'info', 'warn', 'error']

/** Reads the agent's configuration from the environment. @throws FleetError `invalid` that lists every problem at once */
export function readConfig(env: Readonly<Record<string, string | undefined>>): AgentConfig {
  const problems: string[] = []
  const text = (name: string) => env[name]?.trim() || undefined
  const required = (name: string, what: string) => {
    const value = text(name)
    if (value === undefined) problems.push(`${name} is not set: ${what}`)
    return value ?? ''
  }
  const dataDir = text('FLOTILLA_AGENT_DATA_DIR') ?? '/var/lib/flotilla-agent'
  if (!isAbsolute(dataDir)) problems.push(`FLOTILLA_AGENT_DATA_DIR=${dataDir}: must be an absolute path`)
  const hub = required('FLOTILLA_HUB', "the hub's gRPC address as host:port")
  if (hub !== '' && !/^.+:\d{1,5}$/.test(hub)) problems.push(`FLOTILLA_HUB=${hub}: must be host:port`)
  const clusterName = required('FLOTILLA_CLUSTER_NAME', 'the name of this cluster in the fleet')
  if (clusterName !== '' && !isDnsLabel(clusterName))
    problems.push(`FLOTILLA_CLUSTER_NAME=${clusterName}: must be a lower-case RFC 1123 label`)
  const concurrency = Number(text('FLOTILLA_AGENT_CONCURRENCY') ?? 8)
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 64)
    problems.push('FLOTILLA_AGENT_CONCURRENCY: must be a whole number from 1 to 64')
  const logLevel = text('LOG_LEVEL') ?? 'info'
  if (!LEVELS.includes(logLevel)) problems.push(`LOG_LEVEL=${logLevel}: must be one of ${LEVELS.join(', ')}`)
  const kubeconfig = text('KUBECONFIG')
  const host = text('KUBERNETES_SERVICE_HOST')
  if (kubeconfig === undefined && host === undefined) problems.push('KUBECONFIG is not set, and this is not a pod: name a kubeconfig file')
  const config: AgentConfig = {
    dataDir,
    hub,
    hubCaFile: text('FLOTILLA_HUB_CA') ?? join(dataDir, 'hub-ca.pem'),
    clusterName,
    joinTokenFile: text('FLOTILLA_JOIN_TOKEN_FILE'),
    kubernetes: kubeconfig === undefined ? { host: host ?? '', port: text('KUBERNETES_SERVICE_PORT') ?? '443' } : { kubeconfig },
    concurrency,
    programs: { helm: text('FLOTILLA_HELM') ?? 'flotilla-helm' },
    logLevel,
  }
  if (problems.length > 0) throw new FleetError('invalid', `agent configuration: ${problems.join('; ')}`)
  return Object.freeze(config)
}
