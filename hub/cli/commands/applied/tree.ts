import type { Command } from 'commander'
import { HELM_RELEASE } from '../../../../proto/model/flux/helm/kinds.ts'
import { KUSTOMIZATION } from '../../../../proto/model/flux/kustomize/kinds.ts'
import type { Manifest } from '../../../../proto/model/manifest.ts'
import { formatRef, type ObjectRef } from '../../../../proto/model/object-ref.ts'
import type { ResourceKind } from '../../../../proto/model/resource/kind.ts'
import { placesOf } from '../../ask/places.ts'
import type { Where } from '../../ask/wait.ts'
import { pathOf } from '../../kinds.ts'
import type { Session } from '../../session.ts'
import { document, type Output, parseOutput } from '../../show/print.ts'

interface TreeOptions {
  readonly namespace: string
  readonly cluster?: string
  readonly output: Output
}

/** An object and what it has applied. */
export interface TreeNode {
  readonly resource: string
  readonly resources: readonly TreeNode[]
}

const MAX_DEPTH = 20
/** Kinds that say what they have applied. */
const GROWING: readonly ResourceKind[] = [KUSTOMIZATION, HELM_RELEASE]

export function treeCommand(program: Command, session: Session): void {
  const command = program.command('tree').description('show what a Kustomization or a HelmRelease has applied')
  for (const kind of GROWING)
    command
      .command(kind.kind.toLowerCase())
      .aliases([...kind.shortNames])
      .argument('<name>')
      .option('-n, --namespace <namespace>', 'namespace', 'flux-system')
      .option('--cluster <name>', 'one cluster instead of all that have it')
      .option('-o, --output <format>', 'table, json or yaml', parseOutput, 'table' as const)
      .action((name: string, options: TreeOptions) => tree(session, kind, { ...options, name }))
}

async function tree(session: Session, kind: ResourceKind, options: TreeOptions & { readonly name: string }): Promise<void> {
  const places = await placesOf(session, kind, options)
  const trees = await Promise.all(
    places.map(async ({ where }) => ({ cluster: where.cluster, ...(await grow(session, { kind, where }, [])) })),
  )
  if (options.output !== 'table') return session.out(document(trees.length === 1 ? trees[0] : trees, options.output))
  for (const { cluster, ...node } of trees) session.out(`${places.length > 1 ? `${cluster}:\n` : ''}${lines(node).join('\n')}\n`)
}

interface Root {
  readonly kind: ResourceKind
  readonly where: Where
}

/** Follows those among what was applied that have applied something themselves; one that is its own ancestor is shown and not followed. */
async function grow(session: Session, { kind, where }: Root, above: readonly string[]): Promise<TreeNode> {
  const resource = formatRef({ group: kind.group, kind: kind.kind, namespace: where.namespace ?? '', name: where.name })
  if (above.includes(resource) || above.length >= MAX_DEPTH) return { resource, resources: [] }
  const object = await (await session.hub()).find(pathOf(kind, where), { signal: session.signal })
  const resources = await Promise.all(
    (object ? inventoryOf(object) : []).map(async (ref): Promise<TreeNode> => {
      const next = GROWING.find((one) => one.kind === ref.kind && one.group === ref.group)
      if (!next) return { resource: formatRef(ref), resources: [] }
      return grow(session, { kind: next, where: { ...where, namespace: ref.namespace, name: ref.name } }, [...above, resource])
    }),
  )
  return { resource, resources }
}

/** Ids are `<namespace>_<name>_<group>_<kind>`; names of RBAC objects have `__` for a colon. */
function inventoryOf({ status }: Manifest): readonly ObjectRef[] {
  const entries = (status as { inventory?: { entries?: readonly { id: string }[] } } | undefined)?.inventory?.entries ?? []
  return entries.flatMap(({ id }) => {
    const [, namespace, name, group, kind] = /^([^_]*)_(.*)_([^_]*)_([^_]*)$/.exec(id) ?? []
    if (namespace === undefined || !name || group === undefined || !kind) return []
    return [{ group, kind, namespace, name: name.replaceAll('__', ':') }]
  })
}

/** The tree with the lines that `flux tree` draws. */
export function lines(node: TreeNode): readonly string[] {
  return [
    node.resource,
    ...node.resources.flatMap((child, index) => {
      const last = index === node.resources.length - 1
      const [first = '', ...rest] = lines(child)
      return [`${last ? '└── ' : '├── '}${first}`, ...rest.map((line) => `${last ? '    ' : '│   '}${line}`)]
    }),
  ]
}
