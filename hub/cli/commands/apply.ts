import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { parseAllDocuments } from 'yaml'
import { FleetError } from '../../../proto/base/errors.ts'
import { FLEET_KINDS } from '../../../proto/model/fleet/kinds.ts'
import { fluxKindOf } from '../../../proto/model/flux/kinds.ts'
import { LIKE_GO } from '../../../proto/model/go-yaml.ts'
import { isManifest, type Manifest } from '../../../proto/model/manifest.ts'
import { apiVersionOfKind, type ResourceKind } from '../../../proto/model/resource/kind.ts'
import { parseResource } from '../../../proto/model/resource/parse.ts'
import { put, SECRET } from '../ask/put.ts'
import { readStdin, type Session } from '../session.ts'

interface ApplyOptions {
  readonly filename: readonly string[]
  readonly cluster?: string
  readonly namespace?: string
}

export function applyCommand(program: Command, session: Session): void {
  program
    .command('apply')
    .description('make objects of the fleet, or of a cluster, what a file says')
    .requiredOption('-f, --filename <files...>', 'files, directories, or - for stdin')
    .option('--cluster <name>', 'put Flux objects into this cluster, through the hub')
    .option('-n, --namespace <namespace>', 'namespace of objects that name none')
    .action((options: ApplyOptions) => apply(session, options))
}

interface Found {
  readonly from: string
  readonly value: unknown
}

interface Ready {
  readonly kind: ResourceKind
  readonly manifest: Manifest
  readonly cluster: string | undefined
}

/** Everything is checked before anything is sent: a file with one wrong object changes nothing. */
async function apply(session: Session, options: ApplyOptions): Promise<void> {
  const found = (await Promise.all(options.filename.map((path) => readManifests(session, path)))).flat()
  if (found.length === 0) throw new FleetError('invalid', `apply: ${options.filename.join(', ')} has no objects`)
  const problems: string[] = []
  const ready = found.flatMap((one) => check(one, options, problems))
  if (problems.length > 0) throw new FleetError('invalid', `nothing was applied:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
  for (const { cluster, kind, manifest } of ready) {
    const result = await put(session, kind, { cluster, manifest })
    session.out(`${kind.kind.toLowerCase()}${kind.group ? `.${kind.group}` : ''}/${manifest.metadata.name} ${result}\n`)
  }
}

function check({ from, value }: Found, { cluster, namespace }: ApplyOptions, problems: string[]): readonly Ready[] {
  const wrong = (message: string) => {
    problems.push(`${from}: ${message}`)
    return []
  }
  if (!isManifest(value)) return wrong('must have apiVersion, kind and metadata.name')
  const { apiVersion, metadata } = value
  const what = `${value.kind} ${metadata.name}`
  const fleet = FLEET_KINDS.find((kind) => kind.kind === value.kind && apiVersionOfKind(kind) === apiVersion)
  const kind: ResourceKind | undefined = fleet ?? fluxKindOf(value) ?? (apiVersion === 'v1' && value.kind === 'Secret' ? SECRET : undefined)
  if (!kind) return wrong(`${what}: the hub has no kind ${apiVersion} ${value.kind}; put it into a repository that a Kustomization applies`)
  if (!fleet && cluster === undefined) return wrong(`${what}: lives in a cluster; say which with --cluster`)
  const placed: Manifest = kind.namespaced
    ? { ...value, metadata: { ...metadata, namespace: metadata.namespace ?? namespace ?? 'flux-system' } }
    : value
  if (kind !== SECRET) {
    const parsed = parseResource(kind, placed, { strict: true })
    if ('problems' in parsed) {
      for (const { message, path } of parsed.problems) wrong(`${what}: ${path}: ${message}`)
      return []
    }
  }
  return [{ kind, manifest: placed, cluster: fleet ? undefined : cluster }]
}

async function readManifests(session: Session, path: string): Promise<readonly Found[]> {
  if (path === '-') return parseFile('stdin', await readStdin(session))
  const info = await stat(path).catch((cause: unknown) => {
    throw new FleetError('invalid', `apply: ${path} cannot be read`, { cause })
  })
  if (!info.isDirectory()) return parseFile(path, await readFile(path, 'utf8'))
  const names = (await readdir(path)).filter((name) => /\.(ya?ml|json)$/.test(name)).sort()
  return (await Promise.all(names.map((name) => readManifests(session, join(path, name))))).flat()
}

function parseFile(from: string, text: string): readonly Found[] {
  return parseAllDocuments(text, LIKE_GO).flatMap((document) => {
    const [error] = document.errors
    if (error) throw new FleetError('invalid', `apply: ${from}: ${error.message.split('\n')[0]}`)
    const value: unknown = document.toJS({ maxAliasCount: 100 })
    if (value === null || value === undefined) return []
    const { items, kind } = value as { items?: unknown; kind?: unknown }
    return kind === 'List' && Array.isArray(items) ? items.map((item: unknown) => ({ from, value: item })) : [{ from, value }]
  })
}
