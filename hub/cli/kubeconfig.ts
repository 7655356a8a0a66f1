import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { parse, stringify } from 'yaml'
import { FleetError } from '../../proto/base/errors.ts'
import type { CliConfig } from './ask/config.ts'

interface Named {
  readonly name: string
  readonly [other: string]: unknown
}

interface Kubeconfig {
  readonly clusters?: readonly Named[] | null
  readonly users?: readonly Named[] | null
  readonly contexts?: readonly Named[] | null
  readonly [other: string]: unknown
}

type Env = Readonly<Record<string, string | undefined>>

/** Puts the contexts into the kubeconfig, beside what is there; `current-context` is set only where there is none. @returns its path */
export async function writeContexts(wanted: {
  readonly env: Env
  readonly file: string | undefined
  readonly user: string
  readonly config: CliConfig
  readonly contexts: readonly { readonly name: string; readonly server: string }[]
}): Promise<string> {
  const path = wanted.file ?? kubeconfigPath(wanted.env)
  const old = await readKubeconfig(path)
  const authority = wanted.config.ca ? { 'certificate-authority-data': Buffer.from(wanted.config.ca).toString('base64') } : {}
  const next = {
    'current-context': wanted.contexts[0]?.name ?? '',
    ...old,
    apiVersion: 'v1',
    kind: 'Config',
    clusters: merged(
      old.clusters,
      wanted.contexts.map(({ name, server }) => ({ name, cluster: { server, ...authority } })),
    ),
    users: merged(old.users, [{ name: wanted.user, user: { token: wanted.config.token } }]),
    contexts: merged(
      old.contexts,
      wanted.contexts.map(({ name }) => ({ name, context: { cluster: name, user: wanted.user, namespace: 'flux-system' } })),
    ),
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(`${path}.flotilla`, stringify(next), { mode: 0o600 })
  await rename(`${path}.flotilla`, path)
  return path
}

/** The first file of KUBECONFIG, else ~/.kube/config. */
export function kubeconfigPath(env: Env): string {
  return env.KUBECONFIG?.split(delimiter).find((path) => path !== '') ?? join(env.HOME || homedir(), '.kube', 'config')
}

async function readKubeconfig(path: string): Promise<Kubeconfig> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const value: unknown = text.trim() === '' ? {} : parse(text)
  if (typeof value !== 'object' || value === null)
    throw new FleetError('invalid', `${path} is no kubeconfig; move it away or name another with --kubeconfig`)
  return value as Kubeconfig
}

function merged(old: readonly Named[] | null | undefined, fresh: readonly Named[]): readonly Named[] {
  return [...(old ?? []).filter(({ name }) => !fresh.some((one) => one.name === name)), ...fresh]
}
