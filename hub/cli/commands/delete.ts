import type { Command } from 'commander'
import type { ResourceKind } from '../../../proto/model/resource/kind.ts'
import { onlyPlace, placesOf } from '../ask/places.ts'
import { describe, type Where } from '../ask/wait.ts'
import { livesInHub, namedObjects, pathOf } from '../kinds.ts'
import type { Session } from '../session.ts'

interface DeleteOptions {
  readonly namespace: string
  readonly cluster?: string
}

export function deleteCommand(program: Command, session: Session): void {
  program
    .command('delete')
    .description('delete an object of the fleet, or a Flux object of a cluster')
    .argument('<kind...>', 'tenant NAME, placement NAME, kustomization NAME, source git NAME, …')
    .option('-n, --namespace <namespace>', 'namespace', 'flux-system')
    .option('--cluster <name>', 'cluster that it is in; needed when several have it')
    .addHelpText(
      'after',
      '\nA Kustomization takes along what it has applied, as its spec.prune and spec.deletionPolicy say.\n\nExamples:\n  flotilla delete tenant shop\n  flotilla delete kustomization apps --cluster staging\n',
    )
    .action((words: string[], options: DeleteOptions) => remove(session, words, options))
}

async function remove(session: Session, words: readonly string[], options: DeleteOptions): Promise<void> {
  const { kind, names } = namedObjects('delete', words)
  const places = await Promise.all(names.map((name) => placeOf(session, kind, { ...options, name })))
  for (const where of places) {
    await (await session.hub()).send('DELETE', pathOf(kind, where), { signal: session.signal })
    session.say(`✔ ${describe(kind, where)} deleted`)
  }
}

async function placeOf(session: Session, kind: ResourceKind, where: Where): Promise<Where> {
  if (livesInHub(kind)) return kind.namespaced ? { name: where.name, namespace: where.namespace } : { name: where.name }
  return onlyPlace(kind, await placesOf(session, kind, where)).where
}
