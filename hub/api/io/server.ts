import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import { anyOf } from '../../../proto/base/signals.ts'
import type { Subject } from '../../tenants/model.ts'
import type { ApiRequest, ApiResponse } from '../model.ts'
import { errorStatus, failure } from '../present/status.ts'
import type { ApiService } from '../service.ts'

const MAX_BODY_BYTES = 3 * 1024 * 1024

/** A page without a token: health, metrics. */
export interface OpenPage {
  readonly path: string
  answer(): Promise<{ readonly code: number; readonly contentType: string; readonly body: string }>
}

export interface ApiServerOptions {
  readonly listen: { readonly host: string; readonly port: number }
  /** PEM; more than the leaf where clients need the chain. */
  readonly tls: { readonly key: string; readonly cert: string }
  readonly api: ApiService
  readonly authenticate: (token: string) => Promise<Subject | undefined>
  readonly pages: readonly OpenPage[]
  readonly log: Log
}

export interface ApiServer extends AsyncDisposable {
  readonly port: number
}

/** Listens for people and tools over HTTPS; closing ends running watches and waits for running requests. */
export async function openApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const closing = new AbortController()
  const server = fastify({
    https: { ...options.tls, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] },
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 1000 },
  })
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  server.setErrorHandler((error, _request, reply) => sendError(reply, fromFastify(error), options.log))
  server.setNotFoundHandler((request, reply) => respond(request, reply))
  for (const page of options.pages) server.get(page.path, (_request, reply) => sendPage(reply, page))
  server.route({ method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'], url: '/*', handler: respond })

  async function respond(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    try {
      const path = new URL(request.url, 'https://hub').pathname
      const subject = await who(options, request, path)
      const signal = anyOf(closing.signal, gone(reply))
      return await send(reply, await options.api.answer(apiRequest(request, { path, subject, signal })))
    } catch (error) {
      return sendError(reply, error, options.log)
    }
  }

  await server.listen(options.listen)
  return { port: portOf(server), [Symbol.asyncDispose]: () => close(server, closing) }
}

async function close(server: FastifyInstance, closing: AbortController): Promise<void> {
  closing.abort(new FleetError('unavailable', 'the hub is stopping'))
  await server.close()
}

/** Who asks; only the version is for everybody. */
async function who({ authenticate }: ApiServerOptions, request: FastifyRequest, path: string): Promise<Subject> {
  const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  const subject = token === undefined ? undefined : await authenticate(token)
  if (subject) return subject
  if (/^(\/clusters\/[^/]+)?\/version$/.test(path)) return { name: 'anonymous', role: 'viewer' }
  const why =
    token === undefined ? 'a bearer token is needed; get one with flotilla token create' : 'the token is unknown, expired or revoked'
  throw new FleetError('unauthenticated', why)
}

function apiRequest(request: FastifyRequest, more: Pick<ApiRequest, 'path' | 'subject' | 'signal'>): ApiRequest {
  const { searchParams } = new URL(request.url, 'https://hub')
  return {
    method: request.method,
    query: Object.fromEntries(searchParams),
    accept: request.headers.accept ?? '',
    contentType: request.headers['content-type'] ?? '',
    body: Buffer.isBuffer(request.body) ? request.body : new Uint8Array(),
    userAgent: request.headers['user-agent'] ?? '',
    ...more,
  }
}

/** Aborted when the client has hung up. */
function gone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => controller.abort(new FleetError('aborted', 'the client has hung up')))
  return controller.signal
}

async function send(reply: FastifyReply, answer: ApiResponse): Promise<unknown> {
  if (answer.kind === 'stream') {
    reply.header('content-type', answer.contentType).header('cache-control', 'no-cache, private')
    return reply.send(Readable.from(flushed(reply, answer.chunks), { objectMode: false }))
  }
  if (answer.kind === 'text') return reply.header('content-type', answer.contentType).send(Buffer.from(answer.text))
  for (const warning of answer.warnings ?? []) reply.raw.appendHeader('warning', `299 - ${JSON.stringify(warning)}`)
  return reply
    .code(answer.code)
    .header('content-type', answer.contentType ?? 'application/json')
    .header('cache-control', 'no-cache, private')
    .send(JSON.stringify(answer.body))
}

/** Headers go out before the first event: a client must know that it is watching although nothing happens. */
async function* flushed(reply: FastifyReply, chunks: AsyncIterable<string>): AsyncGenerator<Buffer> {
  reply.raw.flushHeaders()
  for await (const chunk of chunks) if (chunk !== '') yield Buffer.from(chunk)
}

async function sendError(reply: FastifyReply, error: unknown, log: Log): Promise<unknown> {
  const reference = randomBytes(6).toString('hex')
  const status = errorStatus(error, reference)
  if (status.code === 500) log.error({ event: 'api.failed', err: error, reason: reference }, 'a request could not be answered')
  if (status.code === 401) reply.header('www-authenticate', 'Bearer realm="flotilla"')
  // Not with 503: kubectl would repeat a write ten times before it shows the sentence.
  if (status.code === 429) reply.header('retry-after', '1')
  return reply.code(status.code).header('content-type', 'application/json').send(JSON.stringify(status))
}

async function sendPage(reply: FastifyReply, page: OpenPage): Promise<unknown> {
  const { body, code, contentType } = await page.answer()
  return reply.code(code).header('content-type', contentType).send(body)
}

function fromFastify(error: unknown): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new FleetError('too-large', `the request is larger than ${MAX_BODY_BYTES} bytes`)
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : 500
  if (status >= 400 && status < 500)
    return new FleetError('invalid', failure(status, 'BadRequest', String((error as Error).message)).message ?? '')
  return error
}

function portOf(server: FastifyInstance): number {
  const address = server.server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
