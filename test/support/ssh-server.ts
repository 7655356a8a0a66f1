import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import ssh2, { type AuthContext, type Connection, type PublicKeyAuthContext, type ServerChannel } from 'ssh2'

/** A git server over SSH for tests: reading only, one user key. */
export interface SshGitServer extends AsyncDisposable {
  /** `ssh://git@127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string
  readonly port: number
  /** The line of `known_hosts` for this server. */
  readonly knownHosts: string
  /** Private key that the server accepts, in OpenSSH form, without a passphrase. */
  readonly identity: string
  /** The public half of `identity`, as in `authorized_keys`. */
  readonly identityPublic: string
  /** A private key with this passphrase, which the server accepts from now on as well. */
  addIdentity(passphrase: string): string
}

type KeyPair = { readonly private: string; readonly public: string }

/** Serves the bare repositories of a folder as `<url>/NAME.git`. Disposing of it ends open connections. */
export async function openSshGitServer({ dir }: { readonly dir: string }): Promise<SshGitServer> {
  const host = generateKey()
  const user = generateKey()
  const accepted = [user.public]
  const connections = new Set<Connection>()
  const server = new ssh2.Server({ hostKeys: [host.private] }, (connection) => {
    connections.add(connection)
    connection.on('close', () => connections.delete(connection))
    connection.on('error', () => connection.end())
    connection.on('authentication', (context) => authenticate(context, accepted))
    connection.on('session', (accept) => {
      accept().on('exec', (acceptExec, reject, { command }) => {
        const repository = repositoryOf(command, dir)
        if (repository === undefined) reject()
        else void uploadPack(acceptExec(), repository)
      })
    })
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
  return {
    url: `ssh://git@127.0.0.1:${port}`,
    port,
    knownHosts: `[127.0.0.1]:${port} ${host.public}\n`,
    identity: user.private,
    identityPublic: user.public,
    addIdentity(passphrase) {
      const key = generateKey(passphrase)
      accepted.push(key.public)
      return key.private
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const connection of connections) connection.end()
      await closed
    },
  }
}

/** Of four hundred keys that ssh2 makes, it cannot read one itself. */
function generateKey(passphrase?: string): KeyPair {
  const encrypted = passphrase === undefined ? undefined : { passphrase, cipher: 'aes256-ctr', rounds: 16 }
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519', encrypted)
    if (!(ssh2.utils.parseKey(pair.private, passphrase) instanceof Error)) return pair
  }
}

function authenticate(context: AuthContext, accepted: readonly string[]): void {
  if (context.method === 'publickey' && accepted.some((line) => proves(context, line))) context.accept()
  else context.reject(['publickey'])
}

function proves({ key, blob, signature, hashAlgo }: PublicKeyAuthContext, line: string): boolean {
  const known = ssh2.utils.parseKey(line)
  if (known instanceof Error || !known.getPublicSSH().equals(key.data)) return false
  // Without a signature the client only asks whether the key would do.
  return blob === undefined || signature === undefined || known.verify(blob, signature, hashAlgo) === true
}

function repositoryOf(command: string, dir: string): string | undefined {
  const [, name] = /^git[- ]upload-pack '\/?([A-Za-z0-9_][A-Za-z0-9_./-]*)'$/.exec(command) ?? []
  if (name === undefined || name.includes('..')) return undefined
  return join(dir, name)
}

async function uploadPack(channel: ServerChannel, repository: string): Promise<void> {
  if (!existsSync(repository)) {
    channel.stderr.end(`fatal: '${repository.slice(repository.lastIndexOf('/') + 1)}' does not appear to be a git repository\n`)
    channel.exit(128)
    channel.end()
    return
  }
  const child = spawn('git', ['-c', 'safe.directory=*', 'upload-pack', repository], { stdio: ['pipe', 'pipe', 'ignore'] })
  channel.once('close', () => child.kill())
  const code = new Promise<number>((resolve) => child.once('close', (exit) => resolve(exit ?? 1)).once('error', () => resolve(127)))
  // git ends without reading on once it has sent what was asked for.
  child.stdin.on('error', () => channel.unpipe().resume())
  channel.pipe(child.stdin)
  await pipeline(child.stdout, channel, { end: false }).catch(() => {})
  channel.exit(await code)
  channel.end()
}
