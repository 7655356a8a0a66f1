import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { FleetError } from '../../../proto/base/errors.ts'
import { KUSTOMIZATION } from '../../../proto/model/flux/kustomize/kinds.ts'
import { GIT_REPOSITORY } from '../../../proto/model/flux/source/kinds.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { PLATFORM_NAMESPACE } from '../../../proto/model/names.ts'
import { apiVersionOfKind, type ResourceKind } from '../../../proto/model/resource/kind.ts'
import { put, SECRET } from '../ask/put.ts'
import { isSettled, outcomeOf } from '../ask/ready.ts'
import { waitFor } from '../ask/wait.ts'
import { readStdin, type Session } from '../session.ts'
import { parseTimeout } from '../timeout.ts'

interface BootstrapOptions {
  readonly cluster: string
  readonly url: string
  readonly branch: string
  readonly path: string
  readonly interval: string
  readonly username?: string
  readonly passwordStdin?: true
  readonly privateKeyFile?: string
  readonly knownHostsFile?: string
  readonly caFile?: string
  readonly wait: boolean
  readonly timeout: number
}

/** Name of the objects that a bootstrap makes, as Flux's does. Persisted: do not change. */
const NAME = 'flux-system'

export function bootstrapCommand(program: Command, session: Session): void {
  program
    .command('bootstrap')
    .description('let a cluster follow a repository')
    .command('git')
    .description('create the GitRepository and the Kustomization flux-system, as flux bootstrap git does')
    .requiredOption('--cluster <name>', 'cluster that is to follow it')
    .requiredOption('--url <url>', 'address of the repository: https://… or ssh://…')
    .requiredOption('--path <path>', 'directory for this cluster, such as clusters/production')
    .option('--branch <name>', 'branch', 'main')
    .option('--interval <duration>', 'how often to look', '1m0s')
    .option('--username <name>', 'user for HTTPS')
    .option('--password-stdin', 'read the password or token from stdin')
    .option('--private-key-file <file>', 'key for SSH')
    .option('--known-hosts-file <file>', 'host keys for SSH')
    .option('--ca-file <file>', 'CA of the git server, PEM')
    .option('--no-wait', 'do not wait until the repository is applied')
    .option('--timeout <duration>', 'how long to wait', parseTimeout, 300_000)
    .action((options: BootstrapOptions) => bootstrap(session, options))
}

async function bootstrap(session: Session, options: BootstrapOptions): Promise<void> {
  const secret = await credentials(session, options)
  const steps: readonly (readonly [ResourceKind, Manifest])[] = [
    ...(secret ? ([[SECRET, secret]] as const) : []),
    [GIT_REPOSITORY, repository(options, secret !== undefined)],
    [KUSTOMIZATION, kustomization(options)],
  ]
  for (const [kind, manifest] of steps)
    session.say(`✔ ${kind.kind} ${NAME} ${await put(session, kind, { cluster: options.cluster, manifest })}`)
  if (!options.wait) return
  session.say(`◎ waiting for ${options.cluster} to apply ${options.path}`)
  const where = { cluster: options.cluster, namespace: PLATFORM_NAMESPACE, name: NAME }
  const object = await waitFor(session, KUSTOMIZATION, { where, done: isSettled, timeoutMs: options.timeout })
  session.say(outcomeOf(object))
}

function repository({ branch, interval, url }: BootstrapOptions, secret: boolean): Manifest {
  return {
    apiVersion: apiVersionOfKind(GIT_REPOSITORY),
    kind: GIT_REPOSITORY.kind,
    metadata: { name: NAME, namespace: PLATFORM_NAMESPACE },
    spec: { interval, ref: { branch }, ...(secret ? { secretRef: { name: NAME } } : {}), url },
  }
}

function kustomization({ path }: BootstrapOptions): Manifest {
  return {
    apiVersion: apiVersionOfKind(KUSTOMIZATION),
    kind: KUSTOMIZATION.kind,
    metadata: { name: NAME, namespace: PLATFORM_NAMESPACE },
    spec: { interval: '10m0s', path: `./${path.replace(/^\.?\//, '')}`, prune: true, sourceRef: { kind: GIT_REPOSITORY.kind, name: NAME } },
  }
}

async function credentials(session: Session, options: BootstrapOptions): Promise<Manifest | undefined> {
  const { caFile, knownHostsFile, passwordStdin, privateKeyFile, url, username } = options
  const ssh = url.startsWith('ssh://')
  if (ssh && (privateKeyFile === undefined || knownHostsFile === undefined))
    throw new FleetError('invalid', 'ssh needs --private-key-file and --known-hosts-file (ssh-keyscan HOST writes one)')
  if (!ssh && (username === undefined) !== (passwordStdin === undefined))
    throw new FleetError('invalid', '--username and --password-stdin go together')
  const stringData = {
    ...(privateKeyFile === undefined ? {} : { identity: await readFile(privateKeyFile, 'utf8') }),
    ...(knownHostsFile === undefined ? {} : { known_hosts: await readFile(knownHostsFile, 'utf8') }),
    ...(username === undefined ? {} : { username, password: (await readStdin(session)).trimEnd() }),
    ...(caFile === undefined ? {} : { 'ca.crt': await readFile(caFile, 'utf8') }),
  }
  if (Object.keys(stringData).length === 0) return undefined
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: NAME, namespace: PLATFORM_NAMESPACE }, type: 'Opaque', stringData }
}
