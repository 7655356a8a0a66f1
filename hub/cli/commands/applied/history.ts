import type { Command } from 'commander'
import { HELM_RELEASE } from '../../../../proto/model/flux/helm/kinds.ts'
import { type Found, placesOf } from '../../ask/places.ts'
import type { Session } from '../../session.ts'
import { document, type Output, parseOutput, tableText } from '../../show/print.ts'
import { type Snapshot, snapshotsOf } from '../../show/release.ts'

interface HistoryOptions {
  readonly namespace: string
  readonly cluster?: string
  readonly output: Output
}

export function historyCommand(program: Command, session: Session): void {
  program
    .command('history')
    .description('show what was released')
    .command('helmrelease')
    .aliases([...HELM_RELEASE.shortNames])
    .description('show the versions of a HelmRelease that are remembered, back to the last good one')
    .argument('<name>')
    .option('-n, --namespace <namespace>', 'namespace', 'flux-system')
    .option('--cluster <name>', 'one cluster instead of all that have it')
    .option('-o, --output <format>', 'table, json or yaml', parseOutput, 'table' as const)
    .action((name: string, options: HistoryOptions) => history(session, name, options))
}

async function history(session: Session, name: string, { output, ...at }: HistoryOptions): Promise<void> {
  const found = await placesOf(session, HELM_RELEASE, { ...at, name })
  const places = found.toSorted((a, b) => (a.where.cluster < b.where.cluster ? -1 : 1))
  if (output !== 'table') return session.out(document(places.map(historyOf), output))
  if (places.every(({ object }) => snapshotsOf(object).length === 0))
    return session.say(`${HELM_RELEASE.kind} ${name} was not released yet`)
  session.out(historyText(places))
}

function historyOf({ object, where }: Found) {
  return { cluster: where.cluster, namespace: where.namespace, name: where.name, history: snapshotsOf(object) }
}

const HEAD = ['cluster', 'release', 'version', 'updated', 'status', 'chart', 'app version', 'action', 'tests']

/** A row for each version of each cluster's release, the newest first. */
export function historyText(places: readonly Found[]): string {
  const rows = places.flatMap(({ object, where }) =>
    snapshotsOf(object).map((one) => [
      where.cluster,
      `${one.namespace}/${one.name}`,
      String(one.version),
      one.lastDeployed,
      one.status,
      `${one.chartName}-${one.chartVersion}`,
      one.appVersion ?? '',
      one.action ?? '',
      testsText(one),
    ]),
  )
  return tableText(HEAD, rows)
}

/** How many tests came to which end: `2 Succeeded, 1 Failed`. */
function testsText({ testHooks }: Snapshot): string {
  if (testHooks === undefined) return ''
  const phases = Object.values(testHooks).map(({ phase }) => phase || 'Unknown')
  const counts = [...new Set(phases)].sort().map((phase) => `${phases.filter((one) => one === phase).length} ${phase}`)
  return counts.join(', ') || 'none'
}
