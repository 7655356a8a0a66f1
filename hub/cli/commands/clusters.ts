import type { Command } from 'commander'
import { CLUSTER } from '../../../proto/model/fleet/kinds.ts'
import { pathOf } from '../kinds.ts'
import { parseLabels } from '../labels.ts'
import type { Session } from '../session.ts'
import { columnsOf } from '../show/objects.ts'
import { document, type Output, parseOutput, tableText } from '../show/print.ts'
import { joinCommand } from './join.ts'

export function clusterCommand(program: Command, session: Session): void {
  const cluster = program.command('cluster').description('clusters of the fleet: let them join, label them, take them out')
  joinCommand(cluster, session)
  cluster
    .command('list')
    .description('show the clusters of the fleet')
    .option('-l, --selector <labels>', 'label selector')
    .option('-o, --output <format>', 'table, json or yaml', parseOutput, 'table' as const)
    .action((options: { selector?: string; output: Output }) => list(session, options))
  cluster
    .command('describe')
    .description('show all that is known of a cluster')
    .argument('<name>')
    .option('-o, --output <format>', 'yaml or json', parseOutput, 'yaml' as const)
    .action((name: string, { output }: { output: Output }) => describe(session, name, output))
  cluster
    .command('approve')
    .description('let a cluster that waits for approval take part')
    .argument('<name>')
    .action((name: string) => approve(session, name))
  cluster
    .command('label')
    .description('set labels, or remove them with a minus at the end: tier=edge old-')
    .argument('<name>')
    .argument('<labels...>')
    .action((name: string, labels: string[]) => label(session, name, labels))
  cluster
    .command('variables')
    .description('set variables for Placements, or remove them with a minus at the end: size=large old-')
    .argument('<name>')
    .argument('<variables...>')
    .action((name: string, variables: string[]) => setVariables(session, name, variables))
  cluster
    .command('remove')
    .description('take a cluster out of the fleet; what runs there stays')
    .argument('<name>')
    .action((name: string) => remove(session, name))
}

async function list(session: Session, { output, selector }: { readonly selector?: string; readonly output: Output }): Promise<void> {
  const hub = await session.hub()
  const { items } = await hub.list(pathOf(CLUSTER, {}), { signal: session.signal, query: { labelSelector: selector } })
  if (output !== 'table') return session.out(document({ apiVersion: 'v1', kind: 'List', items }, output))
  if (items.length === 0) return session.say('no clusters yet; flotilla cluster join adds one')
  const { head, row } = columnsOf(CLUSTER)
  session.out(tableText(head, items.map(row)))
}

async function describe(session: Session, name: string, output: Output): Promise<void> {
  const hub = await session.hub()
  session.out(document(await hub.get(pathOf(CLUSTER, { name }), { signal: session.signal }), output === 'json' ? 'json' : 'yaml'))
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

async function setVariables(session: Session, name: string, words: readonly string[]): Promise<void> {
  const hub = await session.hub()
  await hub.send('PATCH', pathOf(CLUSTER, { name }), { signal: session.signal, body: { spec: { variables: parseLabels(words) } } })
  session.say(`✔ cluster ${name} has its variables`)
}

async function remove(session: Session, name: string): Promise<void> {
  const hub = await session.hub()
  await hub.send('DELETE', pathOf(CLUSTER, { name }), { signal: session.signal })
  session.say(`✔ cluster ${name} removed: its agent is cut off; what runs there stays as it is`)
}
