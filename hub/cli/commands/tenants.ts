import type { Command } from 'commander'
import { TENANT } from '../../../proto/model/fleet/kinds.ts'
import { pathOf } from '../kinds.ts'
import { parseLabels } from '../labels.ts'
import type { Session } from '../session.ts'
import { columnsOf } from '../show/objects.ts'
import { document, type Output, parseOutput, tableText } from '../show/print.ts'

interface CreateOptions {
  readonly namespace: readonly string[]
  readonly allClusters?: true
  readonly cluster?: readonly string[]
  readonly clusterSelector?: string
  readonly clusterRole?: string
  readonly serviceAccount?: string
}

export function tenantCommand(program: Command, session: Session): void {
  const tenant = program.command('tenant').description('teams: their namespaces, and the clusters that they may use')
  tenant
    .command('create')
    .description('create a tenant, with its namespaces on the clusters that it may use')
    .argument('<name>')
    .requiredOption('--namespace <names...>', 'its namespaces')
    .option('--all-clusters', 'on every cluster, also those that join later')
    .option('--cluster <names...>', 'on these clusters')
    .option('--cluster-selector <labels>', 'on clusters with these labels: tier=edge,region=eu')
    .option('--cluster-role <name>', 'ClusterRole of its ServiceAccount in its namespaces (edit)')
    .option('--service-account <name>', 'its ServiceAccount (flotilla-tenant)')
    .addHelpText('after', '\nExample:\n  flotilla tenant create shop --namespace shop --cluster-selector tier=production\n')
    .action((name: string, options: CreateOptions) => create(session, name, options))
  tenant
    .command('list')
    .description('show the tenants')
    .option('-o, --output <format>', 'table, json or yaml', parseOutput, 'table' as const)
    .action((options: { output: Output }) => list(session, options.output))
}

async function create(session: Session, name: string, options: CreateOptions): Promise<void> {
  const hub = await session.hub()
  const clusters = {
    ...(options.allClusters ? { all: true } : {}),
    ...(options.cluster ? { names: options.cluster } : {}),
    ...(options.clusterSelector ? { matchLabels: parseLabels(options.clusterSelector.split(',')) } : {}),
  }
  const spec = {
    namespaces: options.namespace,
    clusters,
    ...(options.clusterRole ? { clusterRole: options.clusterRole } : {}),
    ...(options.serviceAccount ? { serviceAccount: options.serviceAccount } : {}),
  }
  const body = { apiVersion: `${TENANT.group}/${TENANT.version}`, kind: TENANT.kind, metadata: { name }, spec }
  await hub.send('POST', pathOf(TENANT, {}), { signal: session.signal, body, query: { fieldValidation: 'Strict' } })
  session.say(`✔ tenant ${name} created`)
}

async function list(session: Session, output: Output): Promise<void> {
  const hub = await session.hub()
  const { items } = await hub.list(pathOf(TENANT, {}), { signal: session.signal })
  if (output !== 'table') return session.out(document({ apiVersion: 'v1', kind: 'List', items }, output))
  const { head, row } = columnsOf(TENANT)
  session.out(tableText(head, items.map(row)))
}
