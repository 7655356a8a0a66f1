import type { Command } from 'commander'
import { messageOf } from '../../../../proto/base/errors.ts'
import { differs, type ReleaseDiff } from '../../../../proto/model/diff.ts'
import { HELM_RELEASE } from '../../../../proto/model/flux/helm/kinds.ts'
import { type Found, placesOf } from '../../ask/places.ts'
import { EXIT, failureOf } from '../../exit.ts'
import { pathOf } from '../../kinds.ts'
import type { Session } from '../../session.ts'
import { diffText, readDiff } from '../../show/diff.ts'
import { document, type Output, parseOutput } from '../../show/print.ts'

interface DiffOptions {
  readonly namespace: string
  readonly cluster?: readonly string[]
  readonly output: Output
}

/** Clusters that are asked at a time: each renders the chart. */
const AT_ONCE = 16

export function diffCommand(program: Command, session: Session): void {
  program
    .command('diff')
    .description('show what a reconcile would change now; nothing is changed')
    .command('helmrelease')
    .aliases([...HELM_RELEASE.shortNames])
    .description('render a HelmRelease in its cluster, as its ServiceAccount, and compare it with what is there; secrets are hidden')
    .argument('<name>')
    .option('-n, --namespace <namespace>', 'namespace', 'flux-system')
    .option('--cluster <name>', 'a cluster, instead of all that have it; may be repeated', together)
    .option('-o, --output <format>', 'table, json or yaml', parseOutput, 'table' as const)
    .addHelpText('after', '\nExit code: 0 without differences, 1 with some, more than 1 where a cluster could not tell.\n')
    .action((name: string, options: DiffOptions) => diff(session, name, options))
}

function together(name: string, names: readonly string[] = []): readonly string[] {
  return [...names, name]
}

interface Told {
  readonly cluster: string
  readonly diff?: ReleaseDiff
  readonly error?: unknown
}

async function diff(session: Session, name: string, { cluster, namespace, output }: DiffOptions): Promise<void> {
  session.ends({ done: EXIT.ok, failed: EXIT.untold })
  const places = (
    await Promise.all((cluster ?? [undefined]).map((one) => placesOf(session, HELM_RELEASE, { cluster: one, namespace, name })))
  ).flat()
  const waiting = places.toSorted((a, b) => (a.where.cluster < b.where.cluster ? -1 : 1)).values()
  const told: Told[] = []
  const lane = async () => {
    for (const place of waiting) told.push(await ask(session, place))
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, places.length) }, lane))
  session.signal.throwIfAborted()
  tell(
    session,
    told.toSorted((a, b) => (a.cluster < b.cluster ? -1 : 1)),
    output,
  )
}

async function ask(session: Session, { where }: Found): Promise<Told> {
  const { cluster } = where
  try {
    const hub = await session.hub()
    return { cluster, diff: readDiff(await hub.get<unknown>(`${pathOf(HELM_RELEASE, where)}/diff`, { signal: session.signal })) }
  } catch (error) {
    return { cluster, error }
  }
}

/** What is known is shown, whatever became of the rest; then the first failure is what the program ends with. */
function tell(session: Session, told: readonly Told[], output: Output): void {
  const diffs = told.flatMap(({ cluster, diff: one }) => (one ? [{ cluster, ...one }] : []))
  if (output !== 'table') session.out(document(diffs, output))
  else if (diffs.length > 0) session.out(diffs.map(({ cluster, ...one }) => diffText(one, cluster)).join('\n'))
  const failures = told.filter(({ error }) => error !== undefined)
  for (const { cluster, error } of failures) session.say(`✗ ${cluster}: ${messageOf(error)}`)
  if (failures.length > 0) {
    const { code } = failureOf(failures[0]?.error)
    session.ends({ done: code === EXIT.failed ? EXIT.untold : code })
  } else if (diffs.some(differs)) session.ends({ done: EXIT.differs })
}
