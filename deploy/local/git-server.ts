import { timingSafeEqual } from 'node:crypto'
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { FleetError } from '../../proto/base/errors.ts'
import type { Log } from '../../proto/base/log.ts'
import { answerByGit } from './git-backend.ts'

/** What a client has to show to reach a repository. */
export type GitCredential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }

/** One request that the server has answered, for who counts them. */
export interface GitServed {
  readonly method: string
  /** Without `.git`: `apps`, `team-a/apps`. */
  readonly repository: string
  readonly service: 'git-upload-pack' | 'git-receive-pack' | 'other'
  /** `refs` asks what there is, `pack` transfers. */
  readonly step: 'refs' | 'pack' | 'other'
  readonly status: number
}

export interface GitServerOptions {
  /** Every bare repository below it is served as `<url>/NAME.git`, also those that appear later. */
  readonly dir: string
  /** Port of 127.0.0.1; a free one when not given. */
  readonly port?: number
  readonly tls?: { readonly key: string; readonly cert: string }
  readonly log: Log
  readonly served?: (request: GitServed) => void
}

/** A git server over HTTP. Reading and pushing are open to everybody on this machine, but for protected repositories. */
export interface GitServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string
  readonly port: number
  /** From now on the repository (name without `.git`) wants that credential; undefined opens it again. */
  protect(repository: string, credential: GitCredential | undefined): void
}

/** More at once than any honest use here; the answer to one more is 503. */
const MAX_AT_ONCE = 64
const REPOSITORY = /^\/((?:[A-Za-z0-9_][A-Za-z0-9._-]*\/)*[A-Za-z0-9_][A-Za-z0-9._-]*?)\.git\/(.+)$/

/** Serves the bare repositories of a folder over `git http-backend`. Disposing of it ends open transfers. */
export async function openGitServer(options: GitServerOptions): Promise<GitServer> {
  const credentials = new Map<string, GitCredential>()
  let running = 0
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    running++
    try {
      if (running > MAX_AT_ONCE) return refuse(response, 503, 'Too many requests at once, try again soon.')
      await serve(request, response, { ...options, credentials })
    } catch (error) {
      options.log.warn({ event: 'local.git.failed', err: error, path: request.url ?? '' }, 'a git request failed')
      if (response.headersSent) response.destroy()
      else refuse(response, 500, 'git failed; the log of the server says why.')
    } finally {
      running--
    }
  }
  const listener = (request: IncomingMessage, response: ServerResponse) => void handle(request, response)
  const server = options.tls ? createHttpsServer(options.tls, listener) : createHttpServer(listener)
  const port = await listen(server, options.port ?? 0)
  return {
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    protect: (repository, credential) => void (credential ? credentials.set(repository, credential) : credentials.delete(repository)),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

type Serving = GitServerOptions & { readonly credentials: ReadonlyMap<string, GitCredential> }

async function serve(request: IncomingMessage, response: ServerResponse, { dir, credentials, served }: Serving): Promise<void> {
  const { pathname, searchParams, search } = new URL(request.url ?? '/', 'http://localhost')
  const [, repository, rest = ''] = REPOSITORY.exec(pathname) ?? []
  if (repository === undefined) return refuse(response, 404, 'There is no such repository: addresses look like /NAME.git.')
  const service = searchParams.get('service') ?? rest
  response.once('finish', () =>
    served?.({
      method: request.method ?? 'GET',
      repository,
      service: service === 'git-upload-pack' || service === 'git-receive-pack' ? service : 'other',
      step: rest === 'info/refs' ? 'refs' : rest === service ? 'pack' : 'other',
      status: response.statusCode,
    }),
  )
  const wanted = credentials.get(repository)
  if (wanted && !matches(wanted, request.headers.authorization ?? '')) {
    response.setHeader('WWW-Authenticate', wanted.kind === 'basic' ? 'Basic realm="git"' : 'Bearer realm="git"')
    return refuse(response, 401, 'This repository wants a credential.')
  }
  await answerByGit(request, response, { dir, path: pathname, query: search.slice(1) })
}

function matches(wanted: GitCredential, shown: string): boolean {
  const basic = wanted.kind === 'basic' && Buffer.from(`${wanted.username}:${wanted.password}`).toString('base64')
  const expected = Buffer.from(wanted.kind === 'basic' ? `Basic ${basic}` : `Bearer ${wanted.token}`)
  const actual = Buffer.from(shown)
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}

function refuse(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' }).end(`${sentence}\n`)
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new FleetError('unavailable', `open the git server on 127.0.0.1:${port}: ${error.message}`, { cause: error })),
    )
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}
