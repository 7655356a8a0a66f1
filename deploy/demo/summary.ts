import { tableText } from '../../hub/cli/show/print.ts'
import { commandLine, duration } from './format.ts'
import type { Outcome } from './model.ts'

/** The steps as a table: what was seen, how long it took, whether it was as it should be. */
export function summaryText(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome, at) => [`${at + 1} ${outcome.title}`, ...cells(outcome)])
  return tableText(['step', 'seen', 'time', 'result'], rows)
}

/** True when every step did what it says. */
export function allDone(outcomes: readonly Outcome[]): boolean {
  return outcomes.every(({ kind }) => kind === 'ok')
}

function cells(outcome: Outcome): readonly string[] {
  if (outcome.kind === 'ok') return [outcome.seen, duration(outcome.ms), 'ok']
  return outcome.kind === 'failed' ? ['see above', duration(outcome.ms), 'failed'] : ['', '', 'not run']
}

/** Where the things of a running demo are. */
export interface Places {
  readonly cliConfig: string
  readonly kubeconfig: string
  /** A kubectl of the right version, where it is not on the path. */
  readonly kubectl: string | undefined
  readonly clusters: readonly { readonly name: string; readonly kubeconfig: string }[]
  readonly fleetCopy: string
}

/** Commands to go on with, as they can be pasted. */
export function nextText({ cliConfig, clusters, fleetCopy, kubeconfig, kubectl }: Places): string {
  const [first] = clusters
  const fleet = ['kubectl', '--kubeconfig', kubeconfig, '--context']
  const own = first ? [['kubectl', '--kubeconfig', first.kubeconfig, '-n', 'shop', 'delete', 'deployment', 'web']] : []
  const sections: readonly (readonly [string, readonly (readonly string[])[]])[] = [
    [
      'the fleet, with its own program',
      [
        ['export', `FLOTILLA_CONFIG=${cliConfig}`],
        ['npx', 'flotilla', 'get', 'clusters'],
        ['npx', 'flotilla', 'get', 'kustomizations', '-A'],
        ['npx', 'flotilla', 'get', 'helmreleases', '-A'],
        ['npx', 'flotilla', 'tree', 'kustomization', 'web', '--cluster', first?.name ?? ''],
        ['npx', 'flotilla', 'rollout', 'status', 'shop', '--watch'],
        ['npx', 'flotilla', 'events', '-f'],
      ],
    ],
    [
      'the same with kubectl, through the hub',
      [
        ...(kubectl === undefined ? [] : [['alias', `kubectl=${kubectl}`]]),
        [...fleet, 'fleet', 'get', 'clusters,tenants'],
        [...fleet, first?.name ?? '', 'get', 'gitrepositories,kustomizations', '-A'],
      ],
    ],
    ["something by hand in a cluster, past the hub, and see it undone (kwok plays the nodes' part)", own],
    [
      'a commit of your own in place of the bad one; it walks, and waits for `npx flotilla rollout approve shop`',
      [
        ['cd', fleetCopy],
        ['git', 'revert', '--no-edit', 'HEAD'],
        ['$EDITOR', 'apps/base/prices/config.yaml'],
        ['git', 'commit', '--all', '-m', 'mine'],
        ['git', 'push', 'origin', 'HEAD:main'],
      ],
    ],
  ]
  return sections.map(([title, commands]) => [`  ${title}:`, ...commands.map((one) => `    ${commandLine(one)}`)].join('\n')).join('\n')
}
