import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { GitHttpRequest, GitHttpResponse } from 'isomorphic-git'
import { Client, type ClientChannel, type ServerHostKeyAlgorithm } from 'ssh2'
import { checkedLookup, checkHost } from '../checked-lookup.ts'
import { FetchFailure } from '../failure.ts'
import { within } from '../http/body.ts'
import { chunks, type Transport } from './http.ts'
import type { FetchJob } from './jobs.ts'
import { fingerprint, isPinned, pinnedKeys } from './known-hosts.ts'

const MAX_ADVERTISEMENT_BYTES = 64 << 20
const FLUSH = '0000'

/**
 * git over ssh as isomorphic-git's transport: what it asks as `GET info/refs` and `POST git-upload-pack` are the two
 * halves of one conversation with `git-upload-pack` on one channel.
 */
export function openSsh(job: FetchJob, signal: AbortSignal): Transport {
  const target = targetOf(job)
  const client = new Client()
  let socket: Socket | undefined
  let opened: Promise<Conversation> | undefined

  async function open(): Promise<Conversation> {
    checkHost(target.host, target.port, job.policy)
    socket = connect({ host: target.host, port: target.port, lookup: checkedLookup(job.policy), signal })
    await once(socket, 'connect').catch((error: unknown) => {
      throw failureOf(error, target.shown)
    })
    await authenticate(client, socket, { job, target })
    const channel = await execute(client, `git-upload-pack '${target.path.replaceAll("'", "'\\''")}'`)
    return conversation(channel, target.shown)
  }

  return {
    url: `http://${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}${new URL(job.url).pathname}`.replace(
      /\/+$/,
      '',
    ),
    async request({ url, method, body }: GitHttpRequest): Promise<GitHttpResponse> {
      opened ??= open()
      const { advertisement, channel, rest } = await opened
      if (method === 'GET') {
        const head = Buffer.from('001e# service=git-upload-pack\n0000')
        const headers = { 'content-type': 'application/x-git-upload-pack-advertisement' }
        return { url, method, statusCode: 200, statusMessage: 'OK', headers, body: chunks([head, advertisement]) }
      }
      for await (const chunk of body ?? []) channel.write(chunk)
      const headers = { 'content-type': 'application/x-git-upload-pack-result' }
      const answer = within(rest, job.budget.maxTransferBytes, target.shown)
      return { url, method: 'POST', statusCode: 200, statusMessage: 'OK', headers, body: answer }
    },
    async [Symbol.asyncDispose]() {
      await opened?.catch(() => undefined)
      client.end()
      socket?.destroy()
    },
  }
}

interface Target {
  readonly user: string
  readonly host: string
  readonly port: number
  readonly path: string
  /** The address as messages name it. */
  readonly shown: string
}

interface Conversation {
  readonly advertisement: Buffer
  readonly channel: ClientChannel
  readonly rest: AsyncIterable<Uint8Array>
}

function targetOf(job: FetchJob): Target {
  const url = new URL(job.url)
  const path = decodeURIComponent(url.pathname)
  return {
    user: decodeURIComponent(url.username) || 'git',
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 22 : Number(url.port),
    path: path.startsWith('/~') ? path.slice(1) : path,
    shown: `ssh://${url.host}${url.pathname}`,
  }
}

async function authenticate(client: Client, sock: Socket, { job, target }: { job: FetchJob; target: Target }): Promise<void> {
  const ssh = job.credential.ssh
  if (!ssh) throw new FetchFailure('unauthorized', `${target.shown}: ssh needs a secret with 'identity' and 'known_hosts'`)
  const pinned = pinnedKeys(ssh.knownHosts, target.host, target.port)
  let refused: FetchFailure | undefined
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  client.once('ready', resolve)
  client.once('error', (error) => reject(refused ?? failureOf(error, target.shown)))
  client.once('close', () => reject(refused ?? new FetchFailure('network', `${target.shown}: the server closed the connection`)))
  try {
    client.connect({
      sock,
      username: target.user,
      privateKey: ssh.identity,
      ...(ssh.passphrase ? { passphrase: ssh.passphrase } : {}),
      readyTimeout: job.timeoutMs,
      hostVerifier(key: Buffer) {
        if (isPinned(pinned, key)) return true
        const why = pinned.length === 0 ? 'known_hosts has no key for it' : 'known_hosts has another key for it'
        refused = new FetchFailure('host-key', `${target.shown}: host key ${fingerprint(key)} is refused: ${why}`)
        return false
      },
      ...algorithmsFor(pinned.map(({ type }) => type)),
    })
  } catch (error) {
    // The library parses the private key here; its words may quote it.
    throw new FetchFailure(
      'unauthorized',
      `${target.shown}: the secret's 'identity' is no private key that can be used, or its 'password' is wrong`,
      {
        cause: error,
      },
    )
  }
  await promise
}

/** Asks for a host key of a kind that is pinned, where the server has several. */
function algorithmsFor(types: readonly string[]): { algorithms?: { serverHostKey: ServerHostKeyAlgorithm[] } } {
  const algorithms = types.flatMap((type) => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'] : [type]))
  const known = [...new Set(algorithms)].filter((name): name is ServerHostKeyAlgorithm => HOST_KEYS.includes(name))
  return known.length === 0 ? {} : { algorithms: { serverHostKey: known } }
}

const HOST_KEYS: readonly string[] = [
  ...['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
  ...['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'],
]

function execute(client: Client, command: string): Promise<ClientChannel> {
  const { promise, resolve, reject } = Promise.withResolvers<ClientChannel>()
  client.exec(command, (error, channel) => (error ? reject(error) : resolve(channel)))
  return promise
}

/** Reads the server's list of refs, up to the first flush, and leaves the rest of the channel to be read later. */
async function conversation(channel: ClientChannel, shown: string): Promise<Conversation> {
  let stderr = ''
  channel.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-500)
  })
  const input = channel[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let buffer: Buffer = Buffer.alloc(0)
  for (let at = 0; ; ) {
    while (buffer.length >= at + 4) {
      const length = buffer.toString('latin1', at, at + 4)
      if (length === FLUSH) return { advertisement: buffer.subarray(0, at + 4), channel, rest: resume(buffer.subarray(at + 4), input) }
      const size = Number.parseInt(length, 16)
      if (!(size >= 4)) throw new FetchFailure('protocol', `${shown}: the server does not speak git's protocol`)
      at += size
    }
    const { done, value } = await input.next()
    if (done)
      throw new FetchFailure(
        'not-found',
        `${shown}: repository not found, or no access to it${stderr.trim() === '' ? '' : ` (${stderr.trim()})`}`,
      )
    buffer = Buffer.concat([buffer, value])
    if (buffer.length > MAX_ADVERTISEMENT_BYTES)
      throw new FetchFailure('budget', `${shown}: the list of refs has more than ${MAX_ADVERTISEMENT_BYTES} bytes`)
  }
}

async function* resume(first: Buffer, input: AsyncIterator<Buffer>): AsyncIterableIterator<Uint8Array> {
  if (first.length > 0) yield first
  for (let next = await input.next(); !next.done; next = await input.next()) yield next.value
}

function failureOf(error: unknown, shown: string): FetchFailure {
  if (error instanceof FetchFailure) return error
  const cause = error instanceof Error ? error : new Error(String(error))
  if ('level' in cause && cause.level === 'client-authentication')
    return new FetchFailure('unauthorized', `${shown}: the server refuses the key; check the secret's 'identity'`, { cause })
  return new FetchFailure('network', `${shown}: ${cause.message}`, { cause })
}
