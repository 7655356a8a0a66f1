import type { Command } from 'commander'
import { agentManifests, joinTokenSecret, whatTheHubMayDo } from '../../../deploy/manifests/agent.ts'
import { type AgentOptions, DEFAULT_TENANT_CLUSTER_ROLES } from '../../../deploy/manifests/options.ts'
import { manifestsYaml } from '../../../deploy/manifests/yaml.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { ClusterStatus } from '../../../proto/model/fleet/cluster.ts'
import { CLUSTER } from '../../../proto/model/fleet/kinds.ts'
import { fluxCrds } from '../../../proto/model/flux/crds.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { AGENT_NAMESPACE } from '../../../proto/model/names.ts'
import { VERSION } from '../../../proto/model/version.ts'
import { readConfig } from '../ask/config.ts'
import { waitFor } from '../ask/wait.ts'
import { parseLabels } from '../labels.ts'
import type { Session } from '../session.ts'
import { openTarget, type TargetCluster } from '../target-cluster.ts'
import { parseTimeout } from '../timeout.ts'
import { createToken, tokenText } from './tokens.ts'

interface JoinOptions {
  readonly context?: string
  readonly kubeconfig?: string
  readonly hubAddress?: string
  readonly image: string
  readonly lockdown?: true
  readonly impersonate?: readonly string[]
  readonly tenantClusterRole?: readonly string[]
  readonly storageSize?: string
  readonly storageClass?: string
  readonly label?: readonly string[]
  readonly print?: true
  readonly timeout: number
}

const HELP = `
Needs your own access to the cluster, as administrator, in a kubeconfig; the hub never gets it. CRDs that are there already
stay as they are.

Examples:
  flotilla cluster join production-eu --context my-production-eu --label tier=production region=eu
  flotilla cluster join edge-17 --lockdown --print > agent.yaml
`
const TOKEN_SECRET = 'flotilla-join-token'
const GRPC_PORT = 8443

export function joinCommand(cluster: Command, session: Session): void {
  cluster
    .command('join')
    .description('install the agent in a cluster and wait until it is part of the fleet')
    .argument('<name>', 'name that the cluster is to have in the fleet')
    .option('--context <name>', 'kubeconfig context of the cluster')
    .option('--kubeconfig <file>', 'kubeconfig (KUBECONFIG, else ~/.kube/config)')
    .option('--hub-address <host:port>', `where agents reach the hub (its host, port ${GRPC_PORT})`)
    .option('--image <image>', 'image of the agent', `ghcr.io/flotilla-dev/flotilla:${VERSION}`)
    .option('--lockdown', 'leave out the platform identity: the hub acts as tenants only')
    .option('--impersonate <namespaces...>', 'further namespaces whose ServiceAccounts may be acted as')
    .option('--tenant-cluster-role <names...>', 'ClusterRoles that tenants may be given')
    .option('--storage-size <size>', 'keep desired state on a volume of this size')
    .option('--storage-class <name>', 'class of that volume')
    .option('--label <labels...>', 'labels of the cluster: tier=edge')
    .option('--print', 'print the manifests instead of applying them; the join token stays out')
    .option('--timeout <duration>', 'how long to wait for the agent', parseTimeout, 300_000)
    .addHelpText('after', HELP)
    .action((name: string, options: JoinOptions) => join(session, name, options))
}

async function join(session: Session, name: string, options: JoinOptions): Promise<void> {
  const config = await readConfig(session.env)
  const agent = agentOptions(name, { ca: config.ca, server: config.server }, options)
  if (options.print) return session.out(printed(name, agent, options))
  if (options.context === undefined)
    throw new FleetError('invalid', 'say which cluster: --context NAME of your kubeconfig, or --print to apply the manifests yourself')
  const target = await openTarget({ env: session.env, file: options.kubeconfig, context: options.context })
  for (const sentence of whatTheHubMayDo(agent)) session.say(`  ${sentence}`)
  const token = await createToken(session, 'JoinToken', {
    cluster: name,
    description: `cluster join ${name}`,
    ...(options.label ? { labels: parseLabels(options.label) } : {}),
  })
  session.say(`► installing the agent of ${name} in ${target.server}`)
  await install(session, target, [...agentManifests(agent), joinTokenSecret(TOKEN_SECRET, tokenText(token))])
  session.say('✔ manifests applied')
  session.say(`◎ waiting for the agent of ${name}`)
  const connected = ({ status }: Manifest) => (status as ClusterStatus | undefined)?.connection?.connected === true
  await waitFor(session, CLUSTER, { where: { name }, done: connected, timeoutMs: options.timeout })
  session.say(`✔ cluster ${name} is part of the fleet`)
}

/** CRDs first. What is in the cluster already stays as it is: its CRDs may be of another version of Flux. */
async function install(session: Session, target: TargetCluster, manifests: readonly Manifest[]): Promise<void> {
  const crds = fluxCrds()
  for (const crd of crds) if (!(await target.exists(crd))) await target.apply(crd)
  await target.established(crds, { signal: session.signal })
  for (const manifest of manifests) await target.apply(manifest)
}

/** Everything but the join token, which would lie about in files: how to make it, and where it goes, is said on top. */
function printed(name: string, agent: AgentOptions, { label }: JoinOptions): string {
  const labels = label ? ` --label ${label.join(' ')}` : ''
  const note = [
    `The agent of cluster ${name}. ${whatTheHubMayDo(agent).join(' ')}`,
    `The join token is not in here: it goes into the Secret ${AGENT_NAMESPACE}/${TOKEN_SECRET} under the key token, once the namespace is there:`,
    `  flotilla join-token create --cluster ${name}${labels} \\`,
    `    | kubectl create secret generic ${TOKEN_SECRET} -n ${AGENT_NAMESPACE} --from-file=token=/dev/stdin`,
    'Where the CRDs of Flux are installed already, leave those below out.',
  ]
  return `${note.map((line) => `# ${line}\n`).join('')}${manifestsYaml([...fluxCrds(), ...agentManifests(agent)])}`
}

function agentOptions(clusterName: string, hub: { readonly ca: string; readonly server: string }, options: JoinOptions): AgentOptions {
  const { storageClass, storageSize } = options
  const storage = storageSize === undefined ? {} : { storage: { size: storageSize, ...(storageClass ? { className: storageClass } : {}) } }
  return {
    clusterName,
    hub: { address: options.hubAddress ?? `${new URL(hub.server).hostname}:${GRPC_PORT}`, ca: hub.ca },
    lockdown: options.lockdown === true,
    namespaces: options.impersonate ?? [],
    tenantClusterRoles: options.tenantClusterRole ?? DEFAULT_TENANT_CLUSTER_ROLES,
    workload: { image: options.image, joinTokenSecret: TOKEN_SECRET, ...storage },
  }
}
