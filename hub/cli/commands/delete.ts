import type { Command } from 'commander'
import { FleetError } from '../../../proto/base/errors.ts'
import { describe } from '../ask/wait.ts'
import { kindOf, pathOf } from '../kinds.ts'
import type { Session } from '../session.ts'

interface DeleteOptions {
  readonly namespace: string
  readonly cluster?: string
}

export function deleteCommand(program: Command, session: Session): void {
  program
    .command('delete')
    .description('delete an object of the fleet, or a Flux object of a cluster')
    .argument('<kind...>', 'tenant NAME, kustomization NAME, source git NAME, …')
    .option('-n, --namespace <namespace>', 'namespace', 'flux-system')
    .option('--cluster <name>', 'cluster that it is in')
    .action((words: string[], options: DeleteOptions) => remove(session, words, options))
}

async function remove(session: Session, words: readonly string[], { cluster, namespace }: DeleteOptions): Promise<void> {
  const name = words.at(-1)
  if (words.length < 2 || name === undefined)
    throw new FleetError('invalid', 'delete: say which kind and which name, such as flotilla delete tenant shop')
  const kind = kindOf(words.slice(0, -1))
  if (kind.namespaced && cluster === undefined)
    throw new FleetError('invalid', `delete: ${kind.kind} lives in a cluster; say which with --cluster`)
  const where = { cluster: kind.namespaced ? cluster : undefined, namespace, name }
  await (await session.hub()).send('DELETE', pathOf(kind, where), { signal: session.signal })
  session.say(`✔ ${describe(kind, where)} deleted`)
}
