import type { Command } from 'commander'
import { FleetError } from '../../../../proto/base/errors.ts'
import { CLUSTER } from '../../../../proto/model/fleet/kinds.ts'
import { kindOf, pathOf } from '../../kinds.ts'
import type { Session } from '../../session.ts'
import { document, type Output, parseOutput, tableText } from '../../show/print.ts'
import { shortRevision } from '../../show/rows.ts'

interface Options {
  readonly namespace: string
  readonly output: Output
}

/** The hub's word on one source of the cluster. */
interface Chain {
  readonly source: string
  readonly sentence: string
  readonly links: readonly { readonly link: string; readonly holds?: boolean; readonly says: string }[]
}

export function whyCommand(program: Command, session: Session): void {
  program
    .command('why')
    .description('say why a cluster has the newest revision, or has not: the way from the commit or the Placement, and where it ends')
    .argument('<cluster>')
    .argument('[object]', 'kind/name of a source or a Placement, or of what one brings, such as kustomization/apps; all where absent')
    .option('-n, --namespace <namespace>', 'namespace of the object', 'flux-system')
    .option('-o, --output <format>', 'table, json or yaml', parseOutput, 'table' as const)
    .addHelpText('after', '\nExamples:\n  flotilla why production-eu\n  flotilla why production-eu kustomization/apps -n shop\n')
    .action((cluster: string, object: string | undefined, options: Options) => tellWhy(session, { cluster, object }, options))
}

async function tellWhy(
  session: Session,
  { cluster, object }: { readonly cluster: string; readonly object: string | undefined },
  { namespace, output }: Options,
): Promise<void> {
  const hub = await session.hub()
  const query = { object: object === undefined ? undefined : named(object, namespace) }
  const { items } = await hub.get<{ items: readonly Chain[] }>(`${pathOf(CLUSTER, { name: cluster })}/why`, {
    signal: session.signal,
    query,
  })
  if (output !== 'table') return session.out(document(items, output))
  if (items.length === 0) {
    if (object !== undefined)
      throw new FleetError(
        'not-found',
        `${object} in namespace ${namespace} of ${cluster} comes from no source and no Placement that is known`,
      )
    return session.say(`${cluster} has no sources and no Placements yet`)
  }
  session.out(items.map(chainText).join('\n'))
}

function named(object: string, namespace: string): string {
  const [kind = '', name = '', ...more] = object.split('/')
  if (!kind || !name || more.length > 0) throw new FleetError('invalid', `why ${object}: say kind/name, such as kustomization/apps`)
  return `${kindOf([kind]).kind}/${namespace}/${name}`
}

function chainText({ links, sentence, source }: Chain): string {
  const rows = links.map(({ holds, link, says }) => [holds === undefined ? '·' : holds ? '✔' : '✗', link, shortRevision(says)])
  return `${source}\n${shortRevision(sentence)}\n${tableText(['', 'link', 'what'], rows)}`
}
