import type { Command } from 'commander'
import { systemClock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { CLUSTER_LABEL } from '../../../proto/model/names.ts'
import type { ResourceKind } from '../../../proto/model/resource/kind.ts'
import { follow } from '../ask/follow.ts'
import { ALL_CLUSTERS, kindOf, pathOf } from '../kinds.ts'
import type { Session } from '../session.ts'
import { createTable, document, type Output, parseOutput } from '../show/print.ts'

interface EventOptions {
  readonly namespace: string
  readonly allNamespaces?: true
  readonly cluster?: string
  readonly for?: string
  readonly follow?: true
  readonly output: Output
}

const EVENT = { group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true } as unknown as ResourceKind
const REMEMBERED = 10_000
const HEAD = ['last seen', 'cluster', 'type', 'reason', 'object', 'message']

export function eventsCommand(program: Command, session: Session): void {
  program
    .command('events')
    .description('show what happened to Flux objects')
    .option('--for <kind/name>', 'events of one object only: Kustomization/apps')
    .option('-f, --follow', 'go on with what happens')
    .option('-n, --namespace <namespace>', 'namespace', 'flux-system')
    .option('-A, --all-namespaces', 'every namespace')
    .option('--cluster <name>', 'one cluster instead of all')
    .option('-o, --output <format>', 'table, json or yaml', parseOutput, 'table' as const)
    .action((options: EventOptions) => events(session, options))
}

async function events(session: Session, options: EventOptions): Promise<void> {
  const hub = await session.hub()
  const path = pathOf(EVENT, { cluster: options.cluster ?? ALL_CLUSTERS, namespace: options.allNamespaces ? undefined : options.namespace })
  const query = { fieldSelector: options.for === undefined ? undefined : selectorOf(options.for) }
  const { items, metadata } = await hub.list(path, { signal: session.signal, query })
  const table = createTable(HEAD)
  if (options.output !== 'table') session.out(document({ apiVersion: 'v1', kind: 'List', items }, options.output))
  else if (items.length > 0) session.out(table.text(items.map((event) => row(event, options.cluster))))
  else if (!options.follow)
    session.say(`no events${options.allNamespaces ? '' : ` in ${options.namespace} namespace; -A looks in every one`}`)
  if (!options.follow) return
  // Events have no version of their own: a watch that is taken up again brings known ones too.
  const seen = new Set<string | undefined>()
  for await (const { object } of follow(session, path, { from: metadata.resourceVersion, query, signal: session.signal })) {
    if (seen.has(object.metadata.uid)) continue
    seen.add(object.metadata.uid)
    if (seen.size > REMEMBERED) seen.delete(seen.values().next().value)
    session.out(options.output === 'table' ? table.text([row(object, options.cluster)]) : document(object, options.output))
  }
}

function selectorOf(text: string): string {
  const [kind = '', name = '', ...rest] = text.split('/')
  if (kind === '' || name === '' || rest.length > 0)
    throw new FleetError('invalid', `--for ${text}: write KIND/NAME, such as Kustomization/apps`)
  return `involvedObject.kind=${kindOf([kind]).kind},involvedObject.name=${name}`
}

interface EventMembers {
  readonly lastTimestamp: string
  readonly type: string
  readonly reason: string
  readonly message: string
  readonly involvedObject: { readonly kind: string; readonly name: string }
}

function row(event: Manifest, cluster: string | undefined): readonly string[] {
  const { involvedObject, lastTimestamp, message, reason, type } = event as unknown as EventMembers
  const where = cluster ?? event.metadata.labels?.[CLUSTER_LABEL] ?? ''
  return [ago(lastTimestamp), where, type, reason, `${involvedObject.kind}/${involvedObject.name}`, message]
}

function ago(time: string): string {
  const seconds = Math.max(0, Math.round((systemClock.now().getTime() - Date.parse(time)) / 1000))
  if (seconds < 120) return `${seconds}s`
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`
}
