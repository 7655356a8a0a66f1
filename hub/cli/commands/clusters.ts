import type { Command } from 'commander'
import type { ClusterStatus } from '../../../proto/model/fleet/cluster.ts'
import { CLUSTER } from '../../../proto/model/fleet/kinds.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { pathOf } from '../kinds.ts'
import { parseLabels } from '../labels.ts'
import type { Session } from '../session.ts'
import { document, type Output, parseOutput, tableText } from '../show/print.ts'
import { readyOf, truth } from '../show/rows.ts'
import { joinCommand } from './join.ts'

export function clusterCommand(program: Command, session: Session): void {
  const cluster = program.command('cluster').description('clusters of the fleet')
  joinCommand(cluster, session)
  cluster
    .command('list')
    .description('show the clusters of the fleet')
    .option('-l, --selector <labels>', 'label selector')
    .option('-o, --output <format>', 'table, json or yaml', parseOutput, 'table' as const)
    .action((options: { selector?: string; output: Output }) => list(session, options))
  cluster
    .command('describe')
    .description('show what is known of a cluster')
    .argument('<name>')
    .action((name: string) => describe(session, name))
  cluster
    .command('approve')
    .description('let a cluster that waits take part')
    .argument('<name>')
    .action((name: string) => approve(session, name))
  cluster
    .command('label')
    .description('set labels, or remove them with a minus at the end: tier=edge old-')
    .argument('<name>')
    .argument('<labels...>')
    .action((name: string, labels: string[]) => label(session, name, labels))
  cluster
    .command('remove')
    .description('take a cluster out of the fleet; what runs there stays')
    .argument('<name>')
    .action((name: string) => remove(session, name))
}

/** Clusters for people. */
export function clusterTable(clusters: readonly Manifest[]): string {
  return tableText(
    ['name', 'connected', 'ready', 'objects', 'failing', 'version', 'agent', 'labels'],
    clusters.map((cluster) => {
      const { connection, facts, objects } = (cluster.status ?? {}) as ClusterStatus
      const labels = Object.entries(cluster.metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`)
      const numbers = [objects?.total, objects?.failing].map((number) => String(number ?? 0))
      return [
        cluster.metadata.name,
        truth(connection?.connected === true),
        readyOf(cluster)?.status ?? 'Unknown',
        ...numbers,
        facts?.kubernetesVersion ?? '',
        facts?.agentVersion ?? '',
        labels.join(','),
      ]
    }),
  )
}

async function list(session: Session, { output, selector }: { readonly selector?: string; readonly output: Output }): Promise<void> {
  const hub = await session.hub()
  const { items } = await hub.list(pathOf(CLUSTER, {}), { signal: session.signal, query: { labelSelector: selector } })
  if (output === 'table') session.out(items.length === 0 ? 'no clusters yet; flotilla cluster join adds one\n' : clusterTable(items))
  else session.out(document(items, output))
}

async function describe(session: Session, name: string): Promise<void> {
  const hub = await session.hub()
  session.out(document(await hub.get(pathOf(CLUSTER, { name }), { signal: session.signal }), 'yaml'))
}

async function approve(session: Session, name: string): Promise<void> {
  const hub = await session.hub()
  await hub.send('POST', `${pathOf(CLUSTER, { name })}/approve`, { signal: session.signal, body: {} })
  session.say(`✔ cluster ${name} approved`)
}

async function label(session: Session, name: string, words: readonly string[]): Promise<void> {
  const hub = await session.hub()
  await hub.send('PATCH', pathOf(CLUSTER, { name }), { signal: session.signal, body: { metadata: { labels: parseLabels(words) } } })
  session.say(`✔ cluster ${name} labelled`)
}

async function remove(session: Session, name: string): Promise<void> {
  const hub = await session.hub()
  await hub.send('DELETE', pathOf(CLUSTER, { name }), { signal: session.signal })
  session.say(`✔ cluster ${name} removed: its agent is cut off; what runs there stays as it is`)
}
