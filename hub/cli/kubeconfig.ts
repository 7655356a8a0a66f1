import { mkdir, readFile, realpath, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { parse, stringify } from 'yaml'
import { FleetError, messageOf } from '../../proto/base/errors.ts'
import { LIKE_GO } from '../../proto/model/go-yaml.ts'
import type { CliConfig } from './ask/config.ts'

interface Named {
  readonly name: string
  readonly [other: string]: unknown
}

interface Context extends Named {
  readonly context?: { readonly user?: string }
}

export interface Kubeconfig {
  readonly clusters?: readonly Named[] | null
  readonly users?: readonly Named[] | null
  readonly contexts?: readonly Context[] | null
  readonly [other: string]: unknown
}

type Env = Readonly<Record<string, string | undefined>>

/** The contexts that lead through a hub, by name, with the servers that they lead to. */
export interface HubContexts {
  readonly config: CliConfig
  readonly contexts: readonly { readonly name: string; readonly server: string }[]
  /** What their names begin with; tells the contexts of several hubs apart. */
  readonly prefix: string
}

/** User of every context that leads through a hub, and the mark by which they are known again. Persisted: do not change. */
const userOf = (prefix: string) => (prefix === '' ? 'flotilla' : `flotilla-${prefix}`)

/**
 * Puts the contexts into the kubeconfig beside what is there; `current-context` is set only where there is none. Those of
 * an earlier time that are no longer wanted go. @returns its path
 * @throws FleetError `conflict` when a name is taken by a context that does not lead through the hub
 */
export async function writeContexts(wanted: HubContexts & { readonly env: Env; readonly file: string | undefined }): Promise<string> {
  const named = wanted.file ?? kubeconfigPath(wanted.env)
  const path = await realpath(named).catch(() => named)
  const next = withContexts(await readKubeconfig(path), wanted, path)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(`${path}.flotilla`, stringify(next, LIKE_GO), { mode: 0o600 })
  await rename(`${path}.flotilla`, path)
  return path
}

/** The kubeconfig with the contexts in it. @param path  for the message */
export function withContexts(old: Kubeconfig, { config, contexts, prefix }: HubContexts, path: string): Kubeconfig {
  const user = userOf(prefix)
  const foreign = (old.contexts ?? []).filter(({ context }) => context?.user !== user)
  const taken = contexts.filter(({ name }) => foreign.some((one) => one.name === name)).map(({ name }) => name)
  if (taken.length > 0)
    throw new FleetError(
      'conflict',
      `${path} has contexts of its own named ${taken.join(', ')}; give other names with --prefix, such as --prefix fleet-, or another file with --kubeconfig`,
    )
  const authority = config.ca ? { 'certificate-authority-data': Buffer.from(config.ca).toString('base64') } : {}
  const entry = (name: string) => `${user}/${name}`
  const others = (named: readonly Named[] | null | undefined) => (named ?? []).filter(({ name }) => !name.startsWith(`${user}/`))
  return {
    'current-context': contexts[0]?.name ?? '',
    ...old,
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [...others(old.clusters), ...contexts.map(({ name, server }) => ({ name: entry(name), cluster: { server, ...authority } }))],
    users: [...(old.users ?? []).filter(({ name }) => name !== user), { name: user, user: { token: config.token } }],
    contexts: [...foreign, ...contexts.map(({ name }) => ({ name, context: { cluster: entry(name), user, namespace: 'flux-system' } }))],
  }
}

/** The first file of KUBECONFIG, else ~/.kube/config. */
export function kubeconfigPath(env: Env): string {
  return env.KUBECONFIG?.split(delimiter).find((path) => path !== '') ?? join(env.HOME || homedir(), '.kube', 'config')
}

async function readKubeconfig(path: string): Promise<Kubeconfig> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    if ((cause as { code?: unknown }).code === 'ENOENT') return ''
    throw new FleetError('invalid', `${path} cannot be read: ${messageOf(cause)}; name another with --kubeconfig`, { cause })
  })
  const value: unknown = text.trim() === '' ? {} : parse(text, LIKE_GO)
  if (typeof value !== 'object' || value === null)
    throw new FleetError('invalid', `${path} is no kubeconfig; move it away or name another with --kubeconfig`)
  return value as Kubeconfig
}
