import { Secret } from '../../proto/base/secret.ts'
import type { SourceProblem } from './model.ts'

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
  if (username && bearer) return refused("basic auth and 'bearerToken' cannot be set at the same time")
  if (password && !username && !identity) return refused("'password' requires 'username' to be set")
  if (!certificate !== !key) return refused("'tls.crt' and 'tls.key' must be set together")
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
  }
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
