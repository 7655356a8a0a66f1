import type { Command } from 'commander'
import { FleetError } from '../../../proto/base/errors.ts'
import { FLUX_KINDS } from '../../../proto/model/flux/kinds.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import type { ResourceKind } from '../../../proto/model/resource/kind.ts'
import { ALL_CLUSTERS, kindOf, pathOf, SOURCES } from '../kinds.ts'
import type { Session } from '../session.ts'
import { document, type Output, parseOutput, tableText } from '../show/print.ts'
import { fluxRow, truth } from '../show/rows.ts'
import { clusterTable } from './clusters.ts'
import { tenantTable } from './tenants.ts'

interface GetOptions {
  readonly namespace: string
  readonly allNamespaces?: true
  readonly cluster?: string
  readonly selector?: string
  readonly output: Output
  readonly watch?: true
}

export function getCommand(program: Command, session: Session): void {
  program
    .command('get')
    .description('show objects: all, sources [git|oci|…], kustomizations, helmreleases, clusters, tenants')
    .argument('<kind...>', 'what to show, then optionally a name')
    .option('-n, --namespace <namespace>', 'namespace', 'flux-system')
    .option('-A, --all-namespaces', 'every namespace')
    .option('--cluster <name>', 'one cluster instead of all')
    .option('-l, --selector <labels>', 'label selector')
    .option('-o, --output <format>', 'table, json or yaml', parseOutput, 'table' as const)
    .option('-w, --watch', 'go on with what changes')
    .action((words: string[], options: GetOptions) => get(session, parseWords(words), options))
}

interface Wanted {
  readonly kinds: readonly ResourceKind[]
  readonly name: string | undefined
}

/** `sources git podinfo`, `ks apps`, `all`: kinds and a name. */
function parseWords([first = '', ...rest]: readonly string[]): Wanted {
  if (first === 'all') return { kinds: FLUX_KINDS, name: only(rest) }
  if (!/^sources?$/.test(first)) return { kinds: [kindOf([first])], name: only(rest) }
  const [kind, ...more] = rest
  return kind === undefined || kind === 'all' ? { kinds: SOURCES, name: only(more) } : { kinds: [kindOf([first, kind])], name: only(more) }
}

function only(words: readonly string[]): string | undefined {
  if (words.length > 1) throw new FleetError('invalid', `get takes one name, not ${words.join(' ')}`)
  return words[0]
}

async function get(session: Session, wanted: Wanted, options: GetOptions): Promise<void> {
  const found = await Promise.all(
    wanted.kinds.map(async (kind) => ({ kind, ...(await list(session, { kind, name: wanted.name }, options)) })),
  )
  const all = found.flatMap(({ items }) => items)
  if (wanted.name !== undefined && all.length === 0)
    throw new FleetError(
      'not-found',
      `${wanted.kinds.map(({ kind }) => kind).join(', ')} ${wanted.name} not found${options.cluster ? ` in ${options.cluster}` : ''}; flotilla get shows what there is`,
    )
  if (options.output !== 'table') {
    const [single] = all
    session.out(
      document(wanted.name !== undefined && all.length === 1 ? single : { apiVersion: 'v1', kind: 'List', items: all }, options.output),
    )
  } else if (all.length === 0 && !options.watch) session.say('nothing found')
  else
    for (const { items, kind } of found)
      if (items.length > 0 || found.length === 1)
        session.out(`${textOf(kind, items, { ...options, prefixed: found.length > 1 })}${found.length > 1 ? '\n' : ''}`)
  const [first] = found
  if (options.watch && first) await follow(session, { kind: first.kind, name: wanted.name, from: first.metadata.resourceVersion }, options)
}

interface Query {
  readonly kind: ResourceKind
  readonly name: string | undefined
}

async function list(session: Session, query: Query, options: GetOptions) {
  return (await session.hub()).list(collection(query.kind, options), { signal: session.signal, query: selection(query, options) })
}

async function follow(session: Session, query: Query & { readonly from: string }, options: GetOptions): Promise<void> {
  const hub = await session.hub()
  const ask = { signal: session.signal, query: { ...selection(query, options), resourceVersion: query.from } }
  for await (const { object, type } of hub.watch(collection(query.kind, options), ask)) {
    if (type === 'BOOKMARK') continue
    if (options.output === 'table')
      session.out(
        textOf(query.kind, [object], { ...options, prefixed: false })
          .split('\n')
          .slice(1)
          .join('\n'),
      )
    else session.out(document({ type, object }, options.output))
  }
}

function selection({ name }: Query, { selector }: GetOptions) {
  return { labelSelector: selector, fieldSelector: name === undefined ? undefined : `metadata.name=${name}` }
}

function collection(kind: ResourceKind, { allNamespaces, cluster, namespace }: GetOptions): string {
  if (!kind.namespaced) return pathOf(kind, {})
  return pathOf(kind, { cluster: cluster ?? ALL_CLUSTERS, namespace: allNamespaces ? undefined : namespace })
}

function textOf(
  kind: ResourceKind,
  items: readonly Manifest[],
  { allNamespaces, cluster, prefixed }: GetOptions & { readonly prefixed: boolean },
): string {
  if (kind.kind === 'Cluster') return clusterTable(items)
  if (kind.kind === 'Tenant') return tenantTable(items)
  const rows = items.map((item) => fluxRow(item, cluster))
  return tableText(
    ['cluster', ...(allNamespaces ? ['namespace'] : []), 'name', 'revision', 'suspended', 'ready', 'message'],
    rows.map((row) => [
      row.cluster,
      ...(allNamespaces ? [row.namespace] : []),
      prefixed ? `${kind.kind.toLowerCase()}/${row.name}` : row.name,
      row.revision,
      truth(row.suspended),
      row.ready,
      row.message,
    ]),
  )
}
