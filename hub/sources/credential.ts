import { Secret } from '../../proto/base/secret.ts'
import type { KindAndOptions, SourceProblem } from './model.ts'

/** What a server is shown, and what it must show. */
export interface SourceCredential {
  readonly basic?: { readonly username: string; readonly password: Secret }
  readonly bearer?: Secret
  readonly ssh?: { readonly identity: Secret; readonly passphrase?: Secret; readonly knownHosts: string }
  /** PEM of the CAs that the server's certificate may come from. */
  readonly ca?: string
  readonly client?: { readonly certificate: string; readonly key: Secret }
  /** Keys of an object storage. */
  readonly keys?: { readonly accessKey: string; readonly secretKey: Secret }
  /** Content of a docker config file: user names and passwords by registry. */
  readonly docker?: Secret
  /** PEM of the public keys one of which must have signed, in the order of their names. */
  readonly signers?: readonly string[]
  readonly proxy?: SourceProxy
}

/** The proxy that everything is fetched through. */
export interface SourceProxy {
  /** `http://host:port` or `https://host:port`, without who asks. */
  readonly address: string
  readonly login?: { readonly username: string; readonly password: Secret }
}

/** Reads the keys of Secrets as Flux's sources take them; keys that mean nothing here are left alone. */
export function parseCredential(data: Readonly<Record<string, string>>): SourceCredential | SourceProblem {
  const value = (...names: string[]) => names.map((name) => data[name]).find((text) => text !== undefined && text !== '')
  const [username, password, bearer] = [value('username'), value('password'), value('bearerToken')]
  const [identity, ca] = [value('identity'), value('ca.crt', 'caFile')]
  const [certificate, key] = [value('tls.crt', 'certFile'), value('tls.key', 'keyFile')]
  const docker = value('.dockerconfigjson')
  const [accessKey, secretKey] = [value('accesskey'), value('secretkey')]
  const signers = Object.keys(data)
    .filter((name) => name.endsWith(SIGNER) && name !== 'identity.pub')
    .sort()
  if (value('githubAppID'))
    return { reason: 'InvalidProviderConfiguration', message: 'secretRef has github app data but provider is not set to github' }
  if (username && bearer) return refused("basic auth and 'bearerToken' cannot be set at the same time")
  if (password && !username && !identity) return refused("'password' requires 'username' to be set")
  if (!certificate !== !key) return refused("'tls.crt' and 'tls.key' must be set together")
  const proxy = proxyIn(value)
  if (proxy && 'reason' in proxy) return proxy
  return {
    ...(username && !identity ? { basic: { username, password: new Secret(password ?? '') } } : {}),
    ...(bearer ? { bearer: new Secret(bearer) } : {}),
    ...(identity
      ? {
          ssh: {
            identity: new Secret(identity),
            knownHosts: value('known_hosts') ?? '',
            ...(password ? { passphrase: new Secret(password) } : {}),
          },
        }
      : {}),
    ...(ca ? { ca } : {}),
    ...(certificate && key ? { client: { certificate, key: new Secret(key) } } : {}),
    ...(accessKey && secretKey ? { keys: { accessKey, secretKey: new Secret(secretKey) } } : {}),
    ...(docker ? { docker: new Secret(docker) } : {}),
    ...(signers.length > 0 ? { signers: signers.map((name) => data[name] ?? '') } : {}),
    ...(proxy ? { proxy } : {}),
  }
}

/** Longer addresses are not looked at. */
const MAX_ADDRESS = 2048

/** The proxy among the keys; what cannot be read is not repeated, since user name and password may stand in it. */
function proxyIn(value: (name: string) => string | undefined): SourceProxy | SourceProblem | undefined {
  const address = value('proxy.address')?.trim()
  if (address === undefined) return undefined
  if (address.length > MAX_ADDRESS || !URL.canParse(address)) return unproxied("'address' is not the address of a proxy")
  const url = new URL(address)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return unproxied(`'address' must begin with http:// or https://, not with ${url.protocol}//`)
  const username = value('proxy.username') ?? decoded(url.username)
  const password = value('proxy.username') === undefined ? decoded(url.password) : (value('proxy.password') ?? '')
  return { address: url.origin, ...(username === '' ? {} : { login: { username, password: new Secret(password) } }) }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Why nothing is fetched for options that name a proxy: it is not known, and nothing is fetched past it. */
export function proxyProblem(
  { options }: Pick<KindAndOptions, 'options'>,
  credential: SourceCredential | undefined,
): SourceProblem | undefined {
  const place = 'chart' in options ? (options.git ?? options.bucket) : options
  const isProxied = place !== undefined && 'proxied' in place && place.proxied === true
  return isProxied && !credential?.proxy ? unproxied("the secret of spec.proxySecretRef has no 'address'") : undefined
}

function unproxied(why: string): SourceProblem {
  return { reason: 'AuthenticationFailed', message: `failed to get proxy address: ${why}` }
}

/** How the names of public keys end; `identity.pub` of an SSH key is none. */
const SIGNER = '.pub'

/** What the credential lacks for this address. */
export function credentialProblem(url: string, credential: SourceCredential | undefined): SourceProblem | undefined {
  if (!url.startsWith('ssh://')) return undefined
  if (!credential?.ssh) return refused("'ssh' needs a secret with 'identity'")
  if (credential.ssh.knownHosts.trim() === '') return refused("'ssh' needs 'known_hosts': a server whose key is not pinned is not trusted")
  return undefined
}

function refused(why: string): SourceProblem {
  return { reason: 'AuthenticationFailed', message: `invalid auth option: ${why}` }
}
