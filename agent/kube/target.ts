import { readFile } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import type { Clock } from '../../proto/base/clock.ts'
import { FleetError, messageOf } from '../../proto/base/errors.ts'
import { Secret } from '../../proto/base/secret.ts'

/** Where an API server is and how the agent shows who it is. PEM texts, not paths. */
export interface KubeTarget {
  readonly server: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: Secret
  /** True where the kubeconfig says so itself; never a default. */
  readonly insecure?: boolean
  readonly serverName?: string
  readonly token?: () => Promise<Secret>
}

const ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'
/** Bound tokens are renewed at 80 % of an hour or more; a minute of staleness is far inside that. */
const TOKEN_REREAD_MS = 60_000

/** The API server of the pod's own cluster. */
export async function inClusterTarget(
  env: { readonly host: string; readonly port: string },
  clock: Clock,
  folder = ACCOUNT_FOLDER,
): Promise<KubeTarget> {
  const ca = await readText(join(folder, 'ca.crt'), 'read the cluster certificate authority')
  const host = env.host.includes(':') ? `[${env.host}]` : env.host
  return { server: `https://${host}:${env.port}`, ca, token: tokenFile(join(folder, 'token'), clock) }
}

/** The current context (or `context`) of a kubeconfig file with static credentials. */
export async function kubeconfigTarget(path: string, clock: Clock, context?: string): Promise<KubeTarget> {
  const attempted = `read kubeconfig ${path}`
  const parsed = KUBECONFIG.safeParse(parseYaml(await readText(path, attempted), attempted))
  if (!parsed.success) throw new FleetError('invalid', `${attempted}: ${z.prettifyError(parsed.error)}`)
  const config = parsed.data
  const name = context ?? config['current-context']
  const chosen = config.contexts.find((entry) => entry.name === name)?.context
  const cluster = config.clusters.find((entry) => entry.name === chosen?.cluster)?.cluster
  const user = config.users.find((entry) => entry.name === chosen?.user)?.user ?? {}
  if (!chosen || !cluster)
    throw new FleetError('invalid', `${attempted}: context ${JSON.stringify(name)} or its cluster is not in the file`)
  if (user.exec || user['auth-provider'])
    throw new FleetError(
      'invalid',
      `${attempted}: user ${JSON.stringify(chosen.user)} gets its credentials from a program, which the agent does not run; use a token or a client certificate`,
    )
  return targetFrom({ cluster, user, folder: dirname(path), clock })
}

const CLUSTER = z.object({
  server: z.string().regex(/^https?:\/\//),
  'certificate-authority': z.string().optional(),
  'certificate-authority-data': z.base64().optional(),
  'insecure-skip-tls-verify': z.boolean().optional(),
  'tls-server-name': z.string().optional(),
})
const USER = z.object({
  token: z.string().optional(),
  tokenFile: z.string().optional(),
  'client-certificate': z.string().optional(),
  'client-certificate-data': z.base64().optional(),
  'client-key': z.string().optional(),
  'client-key-data': z.base64().optional(),
  exec: z.unknown().optional(),
  'auth-provider': z.unknown().optional(),
})
const KUBECONFIG = z.object({
  'current-context': z.string().default(''),
  contexts: z.array(z.object({ name: z.string(), context: z.object({ cluster: z.string(), user: z.string().default('') }) })).default([]),
  clusters: z.array(z.object({ name: z.string(), cluster: CLUSTER })).default([]),
  users: z.array(z.object({ name: z.string(), user: USER.nullish() })).default([]),
})

interface Parts {
  readonly cluster: z.infer<typeof CLUSTER>
  readonly user: z.infer<typeof USER>
  readonly folder: string
  readonly clock: Clock
}

async function targetFrom({ cluster, user, folder, clock }: Parts): Promise<KubeTarget> {
  const at = (path: string) => (isAbsolute(path) ? path : join(folder, path))
  const pem = async (data: string | undefined, path: string | undefined) =>
    data ? Buffer.from(data, 'base64').toString('utf8') : path ? readText(at(path), 'read a file that the kubeconfig names') : undefined
  const ca = await pem(cluster['certificate-authority-data'], cluster['certificate-authority'])
  const cert = await pem(user['client-certificate-data'], user['client-certificate'])
  const key = await pem(user['client-key-data'], user['client-key'])
  const fixed = user.token ? new Secret(user.token) : undefined
  const token = fixed ? async () => fixed : user.tokenFile ? tokenFile(at(user.tokenFile), clock) : undefined
  return {
    server: cluster.server.replace(/\/+$/, ''),
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key: new Secret(key) } : {}),
    ...(cluster['insecure-skip-tls-verify'] ? { insecure: true } : {}),
    ...(cluster['tls-server-name'] ? { serverName: cluster['tls-server-name'] } : {}),
    ...(token ? { token } : {}),
  }
}

function tokenFile(path: string, clock: Clock): () => Promise<Secret> {
  let held: { readonly token: Secret; readonly readAt: number } | undefined
  return async () => {
    const now = clock.now().getTime()
    if (!held || now - held.readAt >= TOKEN_REREAD_MS || now < held.readAt)
      held = { token: new Secret((await readText(path, 'read the ServiceAccount token')).trim()), readAt: now }
    return held.token
  }
}

async function readText(path: string, attempted: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new FleetError('unavailable', `${attempted}: ${messageOf(error)}`, { cause: error })
  }
}

function parseYaml(text: string, attempted: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0 })
  } catch (error) {
    throw new FleetError('invalid', `${attempted}: not YAML: ${error instanceof Error ? error.name : 'unreadable'}`)
  }
}
