import { isDockerHub, type OciRepository } from './reference.ts'

/** What a docker config file has for a registry. */
export interface RegistryLogin {
  readonly username: string
  readonly password: string
  /** Taken to the token server instead of name and password. */
  readonly identityToken?: string
}

/**
 * The login for a repository: of the entries for its registry, the one with the longest path that it is below.
 * @returns undefined when no entry is for it; a sentence where the file cannot be read
 */
export function loginFor(dockerConfig: string, wanted: OciRepository): RegistryLogin | { readonly problem: string } | undefined {
  const auths = authsOf(dockerConfig)
  if (!auths) return { problem: "'.dockerconfigjson' is not a docker config file" }
  const best = Object.entries(auths)
    .filter(([key]) => isFor(key, wanted))
    .sort(([a], [b]) => belowOf(b).length - belowOf(a).length)[0]
  if (!best) return undefined
  return readLogin(best[1]) ?? { problem: `'.dockerconfigjson' has an entry for ${wanted.registry} without user name and password` }
}

/** Every login of a docker config file. */
export function loginsIn(dockerConfig: string): readonly RegistryLogin[] {
  return Object.values(authsOf(dockerConfig) ?? {}).flatMap((entry) => readLogin(entry) ?? [])
}

function authsOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const config: unknown = JSON.parse(text)
    const auths = isMembers(config) ? (config.auths ?? config) : undefined
    return isMembers(auths) ? auths : undefined
  } catch {
    return undefined
  }
}

function isFor(key: string, { registry, repository }: OciRepository): boolean {
  const [host = ''] = partsOf(key)
  if (host !== registry && !(isDockerHub(host) && isDockerHub(registry))) return false
  const below = belowOf(key)
  return below === '' || repository === below || repository.startsWith(`${below}/`)
}

/** The path that a key names below its registry; how old clients wrote the API's own path is none. */
function belowOf(key: string): string {
  return partsOf(key)
    .slice(1)
    .join('/')
    .replace(/^v[12]$/, '')
}

function partsOf(key: string): readonly string[] {
  return key
    .replace(/^https?:\/\//, '')
    .replace(/\/+$/, '')
    .split('/')
}

function readLogin(entry: unknown): RegistryLogin | undefined {
  if (!isMembers(entry)) return undefined
  const { auth, identitytoken, password, username } = entry
  const token = typeof identitytoken === 'string' && identitytoken !== '' ? { identityToken: identitytoken } : {}
  if (typeof username === 'string' && typeof password === 'string') return { username, password, ...token }
  const pair = typeof auth === 'string' ? Buffer.from(auth, 'base64').toString() : ''
  const at = pair.indexOf(':')
  if (at > 0) return { username: pair.slice(0, at), password: pair.slice(at + 1), ...token }
  return undefined
}

function isMembers(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
