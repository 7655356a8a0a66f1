import type { Command } from 'commander'
import { messageOf } from '../../../../proto/base/errors.ts'
import type { ResourceKind } from '../../../../proto/model/resource/kind.ts'
import { type Found, onlyPlace, placesOf } from '../../ask/places.ts'
import { namedObjects } from '../../kinds.ts'
import type { Session } from '../../session.ts'
import { parseTimeout } from '../../timeout.ts'

export interface ActOptions {
  readonly namespace: string
  readonly cluster?: string
  readonly allClusters?: true
  readonly wait: boolean
  readonly timeout: number
}

/** What is done to one object in one cluster. */
export type Act<Options extends ActOptions> = (
  session: Session,
  what: Found & { readonly kind: ResourceKind },
  options: Options,
) => Promise<void>

export interface Verb<Options extends ActOptions> {
  readonly verb: string
  readonly does: string
  readonly act: Act<Options>
}

/** `VERB kustomization NAME`, `VERB source git NAME`: in one cluster, or on demand in every one that has the object. */
export function actCommand<Options extends ActOptions>(program: Command, session: Session, { act, does, verb }: Verb<Options>): Command {
  return program
    .command(verb)
    .description(does)
    .argument('<kind...>', 'kustomization NAME, source git NAME, … (several names are fine)')
    .option('-n, --namespace <namespace>', 'namespace', 'flux-system')
    .option('--cluster <name>', 'cluster that it is in; needed when several have it')
    .option('--all-clusters', 'in every cluster that has it')
    .option('--no-wait', 'do not wait for the outcome')
    .option('--timeout <duration>', 'how long to wait, such as 90s', parseTimeout, 300_000)
    .addHelpText(
      'after',
      `\nExamples:\n  flotilla ${verb} kustomization apps --cluster staging\n  flotilla ${verb} source git flux-system --all-clusters\n`,
    )
    .action(async (words: string[], options: Options) => {
      const { kind, names } = namedObjects(verb, words)
      const places = (await Promise.all(names.map((name) => placed(session, kind, { ...options, name })))).flat()
      const done = await Promise.allSettled(places.map((place) => act(voiceOf(session, place, places), { ...place, kind }, options)))
      const failures = done.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
      for (const failure of failures.slice(1)) session.say(`✗ ${messageOf(failure)}`)
      if (failures.length > 0) throw failures[0]
    })
}

async function placed(session: Session, kind: ResourceKind, wanted: ActOptions & { readonly name: string }): Promise<readonly Found[]> {
  const found = await placesOf(session, kind, wanted)
  return wanted.allClusters ? found : [onlyPlace(kind, found, ', or --all-clusters')]
}

/** Where several are worked on at once, each line says of which it is. */
function voiceOf(session: Session, { where }: Found, all: readonly Found[]): Session {
  return all.length < 2 ? session : { ...session, say: (text) => session.say(`${where.cluster}: ${text}`) }
}
