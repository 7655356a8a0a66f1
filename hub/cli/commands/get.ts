import type { Command } from 'commander'
import { FleetError } from '../../../proto/base/errors.ts'
import type { ResourceKind } from '../../../proto/model/resource/kind.ts'
import type { ObjectList } from '../ask/client.ts'
import { follow } from '../ask/follow.ts'
import { ALL_CLUSTERS, livesInHub, pathOf } from '../kinds.ts'
import type { Session } from '../session.ts'
import { columnsOf } from '../show/objects.ts'
import { createTable, document, type GrowingTable, type Output, parseOutput } from '../show/print.ts'
import { parseWanted, type Wanted } from '../wanted.ts'

interface GetOptions {
  readonly namespace: string
  readonly allNamespaces?: true
  readonly cluster?: string
  readonly selector?: string
  readonly output: Output
  readonly watch?: true
}

const HELP = `
Kinds: all, sources [git|oci|bucket|helm|chart|external], kustomizations (ks), helmreleases (hr), clusters, tenants, placements, …
Without --cluster, objects of every cluster are shown.

Examples:
  flotilla get clusters
  flotilla get kustomizations -A
  flotilla get sources git --cluster staging
  flotilla get ks apps -o yaml --cluster staging
  flotilla get all --watch
`

export function getCommand(program: Command, session: Session): void {
  program
    .command('get')
    .description('show objects, and how they are doing')
    .argument('<kind...>', 'what to show, then perhaps a name')
    .option('-n, --namespace <namespace>', 'namespace', 'flux-system')
    .option('-A, --all-namespaces', 'every namespace')
    .option('--cluster <name>', 'one cluster instead of all')
    .option('-l, --selector <labels>', 'only objects with these labels: team=web')
    .option('-o, --output <format>', 'table, json or yaml', parseOutput, 'table' as const)
    .option('-w, --watch', 'go on with what changes, until interrupted')
    .addHelpText('after', HELP)
    .action((words: string[], options: GetOptions) => get(session, parseWanted(words), options))
}

interface Shown {
  readonly kind: ResourceKind
  readonly list: ObjectList
  readonly table: GrowingTable
}

async function get(session: Session, wanted: Wanted, options: GetOptions): Promise<void> {
  const several = wanted.kinds.length > 1
  const shown = await Promise.all(
    wanted.kinds.map(async (kind): Promise<Shown> => {
      const { head } = columnsOf(kind, options)
      return { kind, list: await listed(session, kind, wanted, options), table: createTable(head) }
    }),
  )
  if (shown.every(({ list }) => list.items.length === 0)) nothingFound(session, wanted, options)
  else if (options.output !== 'table') session.out(document(content(shown, wanted), options.output))
  else session.out(textOf(shown, options, several))
  if (options.watch) await Promise.all(shown.map((one) => watch(session, one, { ...options, name: wanted.name, prefixed: several })))
}

async function listed(session: Session, kind: ResourceKind, { name }: Wanted, options: GetOptions): Promise<ObjectList> {
  const hub = await session.hub()
  try {
    return await hub.list(collection(kind, options), { signal: session.signal, query: selection(name, options) })
  } catch (error) {
    // A namespace that the caller may not see answers as if nothing were there; a cluster is named in the answer.
    if (error instanceof FleetError && error.code === 'not-found' && error.message.endsWith('"" not found')) return NOTHING
    throw error
  }
}

const NOTHING: ObjectList = { metadata: { resourceVersion: '' }, items: [] }

/** @throws `not-found` when a name was given */
function nothingFound(session: Session, { kinds, name }: Wanted, options: GetOptions): void {
  const kind = kinds.length === 1 ? (kinds[0]?.kind ?? '') : 'Flux'
  const namespace = !kinds.some(({ namespaced }) => namespaced) || options.allNamespaces ? '' : ` in ${options.namespace} namespace`
  const where = `${namespace}${options.cluster ? ` of ${options.cluster}` : ''}`
  const next = namespace ? '; -A looks in every namespace' : ''
  if (name !== undefined) throw new FleetError('not-found', `${kind} ${name} not found${where}${next}`)
  if (options.output !== 'table') session.out(document({ apiVersion: 'v1', kind: 'List', items: [] }, options.output))
  else if (!options.watch) session.say(`no ${kind} objects found${where}${next}`)
}

/** The object itself where one was asked for by name, else a list. */
function content(shown: readonly Shown[], { name }: Wanted): unknown {
  const items = shown.flatMap(({ list }) => list.items)
  return name !== undefined && items.length === 1 ? items[0] : { apiVersion: 'v1', kind: 'List', items }
}

function textOf(shown: readonly Shown[], options: GetOptions, prefixed: boolean): string {
  return shown
    .filter(({ list }) => list.items.length > 0)
    .map(({ kind, list, table }) => table.text(list.items.map(columnsOf(kind, { ...options, prefixed }).row)))
    .join('\n')
}

async function watch(
  session: Session,
  { kind, list, table }: Shown,
  options: GetOptions & { readonly name: string | undefined; readonly prefixed: boolean },
): Promise<void> {
  const columns = columnsOf(kind, options)
  const from = { from: list.metadata.resourceVersion || undefined, query: selection(options.name, options), signal: session.signal }
  for await (const { object, type } of follow(session, collection(kind, options), from)) {
    if (options.output !== 'table') session.out(document({ type, object }, options.output))
    else session.out(table.text([columns.row(object)]))
  }
}

function selection(name: string | undefined, { selector }: GetOptions) {
  return { labelSelector: selector, fieldSelector: name === undefined ? undefined : `metadata.name=${name}` }
}

function collection(kind: ResourceKind, { allNamespaces, cluster, namespace }: GetOptions): string {
  const at = { namespace: allNamespaces ? undefined : namespace }
  return pathOf(kind, livesInHub(kind) ? at : { ...at, cluster: cluster ?? ALL_CLUSTERS })
}
