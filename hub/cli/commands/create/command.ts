import type { Command } from 'commander'
import { stringify } from 'yaml'
import { FleetError, messageOf } from '../../../../proto/base/errors.ts'
import { CLUSTER } from '../../../../proto/model/fleet/kinds.ts'
import { HELM_RELEASE } from '../../../../proto/model/flux/helm/kinds.ts'
import { KUSTOMIZATION } from '../../../../proto/model/flux/kustomize/kinds.ts'
import { BUCKET, GIT_REPOSITORY, HELM_REPOSITORY, OCI_REPOSITORY } from '../../../../proto/model/flux/source/kinds.ts'
import { LIKE_GO } from '../../../../proto/model/go-yaml.ts'
import type { Manifest } from '../../../../proto/model/manifest.ts'
import { apiVersionOfKind, type ResourceKind } from '../../../../proto/model/resource/kind.ts'
import { parseResource } from '../../../../proto/model/resource/parse.ts'
import { put } from '../../ask/put.ts'
import { isDecided, outcomeOf } from '../../ask/ready.ts'
import { waitFor } from '../../ask/wait.ts'
import { pathOf } from '../../kinds.ts'
import { parseLabels } from '../../labels.ts'
import type { Session } from '../../session.ts'
import { parseTimeout } from '../../timeout.ts'
import { HELM_RELEASE_FLAGS, helmRelease, KUSTOMIZATION_FLAGS, kustomization } from './consumers.ts'
import { addFlags, type FlagTable, list } from './flags.ts'
import { BUCKET_FLAGS, bucket, GIT_FLAGS, gitRepository, HELM_FLAGS, helmRepository, OCI_FLAGS, ociRepository } from './sources.ts'
import { readValues } from './values.ts'

interface CreateOptions {
  readonly namespace: string
  readonly label?: readonly string[]
  readonly cluster?: string
  readonly allClusters?: true
  readonly export?: true
  /** False for `--no-wait`; a Kustomization has a `--wait` of its own. */
  readonly wait?: boolean
  readonly timeout: number
  readonly values?: readonly string[]
}

/** A kind that can be made of options: which ones, and the spec that they make. */
interface Creatable {
  readonly kind: ResourceKind
  readonly flags: FlagTable
  spec(flags: never): object | undefined
}

const SOURCES: Readonly<Record<string, Creatable>> = {
  git: { kind: GIT_REPOSITORY, flags: GIT_FLAGS, spec: gitRepository },
  oci: { kind: OCI_REPOSITORY, flags: OCI_FLAGS, spec: ociRepository },
  bucket: { kind: BUCKET, flags: BUCKET_FLAGS, spec: bucket },
  helm: { kind: HELM_REPOSITORY, flags: HELM_FLAGS, spec: helmRepository },
}
const CONSUMERS: Readonly<Record<string, Creatable>> = {
  kustomization: { kind: KUSTOMIZATION, flags: KUSTOMIZATION_FLAGS, spec: kustomization },
  helmrelease: { kind: HELM_RELEASE, flags: HELM_RELEASE_FLAGS, spec: helmRelease },
}

const HELP = `
Examples:
  flotilla create source helm podinfo --url https://stefanprodan.github.io/podinfo --cluster staging
  flotilla create helmrelease podinfo --source HelmRepository/podinfo --chart podinfo --values values.yaml --all-clusters
  flotilla create kustomization apps --source GitRepository/fleet --path ./apps --prune --export > apps.yaml
`

export function createCommand(program: Command, session: Session): void {
  const command = program.command('create').description('make a Flux object of options: as YAML, or in clusters').addHelpText('after', HELP)
  const source = command.command('source').description('make a source')
  for (const [word, creatable] of Object.entries(SOURCES)) subcommand(source, session, { word, creatable })
  for (const [word, creatable] of Object.entries(CONSUMERS))
    subcommand(command, session, { word, creatable }).aliases([...creatable.kind.shortNames])
}

function subcommand(parent: Command, session: Session, { creatable, word }: { readonly word: string; readonly creatable: Creatable }) {
  const command = parent
    .command(word)
    .description(`make or change a ${creatable.kind.kind}`)
    .argument('<name>')
    .option('-n, --namespace <namespace>', 'namespace', 'flux-system')
    .option('--label <labels>', 'labels: team=web', list)
    .option('--export', 'print it as YAML, and change nothing')
    .option('--cluster <name>', 'cluster to put it into, through the hub')
    .option('--all-clusters', 'put it into every cluster')
    .option('--timeout <duration>', 'how long to wait for it', parseTimeout, 300_000)
  return addFlags(command, creatable.flags)
    .option('--no-wait', 'do not wait until it is ready')
    .action((name: string, options: CreateOptions) => create(session, creatable, { ...options, name }))
}

async function create(session: Session, creatable: Creatable, options: CreateOptions & { readonly name: string }): Promise<void> {
  const values = options.values && (await readValues(options.values))
  const manifest = manifestOf(creatable, { ...options, ...(values ? { values } : {}) })
  if (options.export) return session.out(exported(manifest))
  const clusters = await clustersOf(session, options)
  const many = clusters.length > 1
  const done = await Promise.allSettled(
    clusters.map((cluster) => {
      const voice = many ? { ...session, say: (text: string) => session.say(`${cluster}: ${text}`) } : session
      return createIn(voice, creatable.kind, { ...options, cluster, manifest })
    }),
  )
  const failures = done.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
  for (const failure of failures.slice(1)) session.say(`✗ ${messageOf(failure)}`)
  if (failures.length > 0) throw failures[0]
}

/** The manifest that options make. @throws `invalid` with everything that is wrong with it */
function manifestOf(
  { kind, spec }: Creatable,
  options: Omit<CreateOptions, 'values' | 'timeout'> & { readonly name: string; readonly values?: object },
): Manifest {
  const { label, name, namespace } = options
  const labels = label ? { labels: parseLabels(label) as Readonly<Record<string, string>> } : {}
  const made = spec({ interval: '1m0s', ...options } as never)
  const manifest: Manifest = { apiVersion: apiVersionOfKind(kind), kind: kind.kind, metadata: { ...labels, name, namespace }, spec: made }
  const parsed = parseResource(kind, manifest, { strict: true })
  if (!('problems' in parsed)) return manifest
  const problems = parsed.problems.map(({ message, path }) => `${path}: ${message}`)
  throw new FleetError('invalid', `${kind.kind} ${name}: ${problems.join('; ')}`)
}

/** YAML as flux exports it: keys in order, lists not indented. */
function exported(manifest: Manifest): string {
  return `---\n${stringify(manifest, { ...LIKE_GO, sortMapEntries: true, indentSeq: false })}`
}

async function clustersOf(session: Session, { allClusters, cluster }: CreateOptions): Promise<readonly string[]> {
  if (cluster !== undefined) return [cluster]
  if (!allClusters) throw new FleetError('invalid', 'say where: --cluster NAME or --all-clusters, or --export to print it')
  const { items } = await (await session.hub()).list(pathOf(CLUSTER, {}), { signal: session.signal })
  if (items.length > 0) return items.map(({ metadata }) => metadata.name)
  throw new FleetError('not-found', 'there are no clusters; flotilla cluster join adds one')
}

interface Wanted extends Pick<CreateOptions, 'wait' | 'timeout'> {
  readonly cluster: string
  readonly manifest: Manifest
}

async function createIn(session: Session, kind: ResourceKind, { cluster, manifest, timeout, wait }: Wanted): Promise<void> {
  const { name, namespace } = manifest.metadata
  session.say(`► applying ${kind.kind} ${name} in ${namespace} namespace`)
  session.say(`✔ ${kind.kind} ${await put(session, kind, { cluster, manifest })}`)
  // A registry is only looked up in: nobody ever says of it that it is ready.
  if (wait === false || (manifest.spec as { readonly type?: string }).type === 'oci') return
  session.say(`◎ waiting for ${kind.kind} reconciliation`)
  session.say(outcomeOf(await waitFor(session, kind, { where: { cluster, namespace, name }, done: isDecided, timeoutMs: timeout })))
}
