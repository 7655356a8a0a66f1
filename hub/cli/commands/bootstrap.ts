import type { Command } from 'commander'
import { FleetError } from '../../../proto/base/errors.ts'
import { KUSTOMIZATION } from '../../../proto/model/flux/kustomize/kinds.ts'
import { GIT_REPOSITORY } from '../../../proto/model/flux/source/kinds.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { PLATFORM_NAMESPACE } from '../../../proto/model/names.ts'
import { apiVersionOfKind, type ResourceKind } from '../../../proto/model/resource/kind.ts'
import { put, SECRET } from '../ask/put.ts'
import { isDecided, isSettled, outcomeOf } from '../ask/ready.ts'
import { waitFor } from '../ask/wait.ts'
import { readStdin, readText, type Session } from '../session.ts'
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

const HELP = `
The repository is only read. What lies below the path is applied to the cluster, from now on with each commit.

Examples:
  flotilla bootstrap git --cluster staging --url https://git.example.com/fleet.git --path clusters/staging \\
    --username git --password-stdin < token
  flotilla bootstrap git --cluster staging --url ssh://git@git.example.com/fleet.git --path clusters/staging \\
    --private-key-file key --known-hosts-file known_hosts
`

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
    .option('--username <name>', 'user for https://')
    .option('--password-stdin', 'read its password or token from stdin')
    .option('--private-key-file <file>', 'private key for ssh://')
    .option('--known-hosts-file <file>', 'host keys to trust for ssh://, as in ~/.ssh/known_hosts')
    .option('--ca-file <file>', 'CA of the git server, PEM')
    .option('--no-wait', 'do not wait until the repository is applied')
    .option('--timeout <duration>', 'how long to wait', parseTimeout, 300_000)
    .addHelpText('after', HELP)
    .action((options: BootstrapOptions) => bootstrap(session, options))
}

async function bootstrap(session: Session, options: BootstrapOptions): Promise<void> {
  const { cluster, timeout: timeoutMs } = options
  const secret = await credentials(session, options)
  const steps: readonly (readonly [ResourceKind, Manifest])[] = [
    ...(secret ? ([[SECRET, secret]] as const) : []),
    [GIT_REPOSITORY, repository(options, secret !== undefined)],
    [KUSTOMIZATION, kustomization(options)],
  ]
  for (const [kind, manifest] of steps) session.say(`✔ ${kind.kind} ${NAME} ${await put(session, kind, { cluster, manifest })}`)
  if (!options.wait) return
  const where = { cluster, namespace: PLATFORM_NAMESPACE, name: NAME }
  session.say(`◎ waiting for ${cluster} to apply ${options.path}`)
  session.say(outcomeOf(await waitFor(session, GIT_REPOSITORY, { where, done: isSettled, timeoutMs })))
  session.say(outcomeOf(await waitFor(session, KUSTOMIZATION, { where, done: isDecided, timeoutMs })))
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
  const sourceRef = { kind: GIT_REPOSITORY.kind, name: NAME }
  return {
    apiVersion: apiVersionOfKind(KUSTOMIZATION),
    kind: KUSTOMIZATION.kind,
    metadata: { name: NAME, namespace: PLATFORM_NAMESPACE },
    spec: { interval: '10m0s', path: pathBelow(path), prune: true, sourceRef },
  }
}

/** The directory as Flux writes it, from the top of the repository. */
export function pathBelow(path: string): string {
  return `./${path.replace(/^(\.?\/)+|^\.$/, '')}`
}

async function credentials(session: Session, options: BootstrapOptions): Promise<Manifest | undefined> {
  const { caFile, knownHostsFile, privateKeyFile, username } = options
  for (const problem of credentialProblems(options)) throw new FleetError('invalid', problem)
  const stringData = {
    ...(privateKeyFile === undefined ? {} : { identity: await readText(privateKeyFile, '--private-key-file') }),
    ...(knownHostsFile === undefined ? {} : { known_hosts: await readText(knownHostsFile, '--known-hosts-file') }),
    ...(username === undefined ? {} : { username, password: (await readStdin(session)).trimEnd() }),
    ...(caFile === undefined ? {} : { 'ca.crt': await readText(caFile, '--ca-file') }),
  }
  if (Object.keys(stringData).length === 0) return undefined
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: NAME, namespace: PLATFORM_NAMESPACE }, type: 'Opaque', stringData }
}

/** What does not fit together about address and credentials. */
export function credentialProblems(options: Pick<BootstrapOptions, CredentialOption>): readonly string[] {
  const { knownHostsFile, passwordStdin, privateKeyFile, url, username } = options
  const [, user, host, path] = /^([^/@:]+)@([^/:]+):(.+)$/.exec(url) ?? []
  if (user) return [`--url ${url}: write it as ssh://${user}@${host}/${path}`]
  if (!URL.canParse(url) || !['http:', 'https:', 'ssh:'].includes(new URL(url).protocol))
    return ['--url: must begin with https://, http:// or ssh://']
  if (new URL(url).password !== '') return ['--url has a password in it; give it with --username and --password-stdin']
  const ssh = new URL(url).protocol === 'ssh:'
  if (ssh && (privateKeyFile === undefined || knownHostsFile === undefined))
    return ['ssh needs --private-key-file and --known-hosts-file; ssh-keyscan HOST > FILE writes the latter']
  if (!ssh && (privateKeyFile !== undefined || knownHostsFile !== undefined))
    return ['--private-key-file and --known-hosts-file are for ssh:// addresses; use --username and --password-stdin']
  if ((username === undefined) !== (passwordStdin === undefined)) return ['--username and --password-stdin go together']
  return []
}

type CredentialOption = 'url' | 'username' | 'passwordStdin' | 'privateKeyFile' | 'knownHostsFile'
