import type { SourceCredential, SourceProxy } from '../credential.ts'
import { loginsIn, type RegistryLogin } from '../oci/docker-config.ts'

/** A credential with its secrets open. */
export interface OpenCredential {
  readonly basic?: { readonly username: string; readonly password: string }
  readonly bearer?: string
  readonly ssh?: { readonly identity: string; readonly passphrase?: string; readonly knownHosts: string }
  readonly ca?: string
  readonly client?: { readonly certificate: string; readonly key: string }
  readonly keys?: { readonly accessKey: string; readonly secretKey: string }
  readonly docker?: string
  readonly signers?: readonly string[]
  readonly proxy?: OpenProxy
}

export interface OpenProxy {
  readonly address: string
  readonly login?: { readonly username: string; readonly password: string }
}

/** The secrets laid open, for as long as a fetch takes. */
export function openCredential(credential: SourceCredential | undefined): OpenCredential {
  const { basic, bearer, ssh, ca, client, docker, keys, proxy, signers } = credential ?? {}
  return {
    ...(basic ? { basic: { username: basic.username, password: basic.password.reveal() } } : {}),
    ...(bearer ? { bearer: bearer.reveal() } : {}),
    ...(ssh
      ? {
          ssh: {
            identity: ssh.identity.reveal(),
            knownHosts: ssh.knownHosts,
            ...(ssh.passphrase ? { passphrase: ssh.passphrase.reveal() } : {}),
          },
        }
      : {}),
    ...(ca ? { ca } : {}),
    ...(client ? { client: { certificate: client.certificate, key: client.key.reveal() } } : {}),
    ...(keys ? { keys: { accessKey: keys.accessKey, secretKey: keys.secretKey.reveal() } } : {}),
    ...(docker ? { docker: docker.reveal() } : {}),
    ...(signers ? { signers } : {}),
    ...(proxy ? { proxy: openProxy(proxy) } : {}),
  }
}

function openProxy({ address, login }: SourceProxy): OpenProxy {
  return { address, ...(login ? { login: { username: login.username, password: login.password.reveal() } } : {}) }
}

/** What must never be shown of it, plain and as it is sent. */
export function secretsOf({ basic, bearer, client, docker, keys, proxy, ssh }: OpenCredential): readonly string[] {
  const logins: readonly RegistryLogin[] = [
    ...(basic ? [basic] : []),
    ...(proxy?.login ? [proxy.login] : []),
    ...(docker === undefined ? [] : loginsIn(docker)),
  ]
  const plain = [...logins.flatMap(({ identityToken, password }) => [password, identityToken]), bearer]
  const pairs = logins.map(({ password, username }) => Buffer.from(`${username}:${password}`).toString('base64'))
  return [...plain, ...pairs, ssh?.identity, ssh?.passphrase, client?.key, keys?.secretKey]
    .filter((secret) => secret !== undefined)
    .filter((secret) => secret !== '')
}
