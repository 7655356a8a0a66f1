import type { Command } from 'commander'
import { PLACEMENT } from '../../../proto/model/fleet/kinds.ts'
import { pathOf } from '../kinds.ts'
import type { Session } from '../session.ts'
import { document, type Output, parseOutput, tableText } from '../show/print.ts'

interface ExplainOptions {
  readonly namespace: string
  readonly cluster?: string
  readonly output: Output
}

/** The hub's word on one cluster. */
interface Explained {
  readonly cluster: string
  readonly state: string
  readonly reasons: readonly string[]
}

interface Page {
  readonly metadata: { readonly continue?: string }
  readonly items: readonly Explained[]
}

export function placementCommand(program: Command, session: Session): void {
  program
    .command('placement')
    .description('what goes where')
    .command('explain')
    .description('say for each cluster why it has the objects of a Placement, or has not')
    .argument('<name>')
    .option('-n, --namespace <namespace>', 'namespace', 'flux-system')
    .option('--cluster <name>', 'one cluster instead of all')
    .option('-o, --output <format>', 'table, json or yaml', parseOutput, 'table' as const)
    .addHelpText('after', '\nExample:\n  flotilla placement explain podinfo -n team-a --cluster production-eu\n')
    .action((name: string, options: ExplainOptions) => explain(session, name, options))
}

async function explain(session: Session, name: string, { cluster, namespace, output }: ExplainOptions): Promise<void> {
  const hub = await session.hub()
  const path = `${pathOf(PLACEMENT, { namespace, name })}/explain`
  const items: Explained[] = []
  for (let next: string | undefined = ''; next !== undefined; ) {
    const page: Page = await hub.get<Page>(path, { signal: session.signal, query: { cluster, continue: next || undefined } })
    items.push(...page.items)
    next = page.metadata.continue
  }
  if (output !== 'table') return session.out(document(items, output))
  if (items.length === 0) return session.say(cluster ? `there is no cluster ${cluster} that you may see` : 'there are no clusters yet')
  session.out(tableText(['cluster', 'state', 'why'], items.flatMap(rowsOf)))
}

function rowsOf({ cluster, reasons, state }: Explained): readonly (readonly string[])[] {
  const [first = '', ...rest] = reasons
  return [[cluster, state, first], ...rest.map((reason) => ['', '', reason])]
}
