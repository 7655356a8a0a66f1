import type { Dispatcher } from 'undici'
// All of undici would cost the agent 5 MiB more. Alone, a pool has no `request`: undici's index gives it that.
import request from 'undici/lib/api/api-request.js'
import Pool from 'undici/lib/dispatcher/pool.js'
import type { Clock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import { refusal, unanswered, wasCutOff } from './classify.ts'
import type { Subject } from './subject.ts'
import type { KubeTarget } from './target.ts'

/** One request in the transport's words; `attempted` is how an error begins. */
export interface Call {
  /** Kubernetes' verb, for the counters. */
  readonly verb: string
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  /** Path and query below the server's URL. */
  readonly path: string
  readonly attempted: string
  readonly signal: AbortSignal
  readonly as?: Subject | undefined
  readonly body?: string
  readonly contentType?: string
  readonly accept?: string
  readonly timeoutMs?: number
}

export interface TransportOptions {
  readonly clock: Clock
  /** Connections for requests; watches have their own. Default 8: more gave no throughput. */
  readonly connections?: number
  readonly maxResponseBytes?: number
}

const TIMEOUT_MS = 30_000
const MAX_RESPONSE_BYTES = 64 << 20
const MAX_LINE_BYTES = 16 << 20
/** Bookmarks come every minute; silence longer than two and a half of them is a dead peer. */
const WATCH_SILENCE_MS = 150_000
/** Below the API server's own idle timeout of 90 s, so that the client closes first. */
const KEEP_ALIVE_MS = 60_000
const MAX_THROTTLED = 5
const AGENT_NAME = 'flotilla-agent'

/** The connections to one API server: a few for requests, separate ones for watches, so that streams starve nobody. */
export class Transport {
  readonly #target: KubeTarget
  readonly #options: TransportOptions
  readonly #requests: Pool
  readonly #watches: Pool
  readonly #base: string
  readonly #counts = new Map<string, number>()

  constructor(target: KubeTarget, options: TransportOptions) {
    const url = new URL(target.server)
    this.#target = target
    this.#options = options
    this.#base = url.pathname.replace(/\/+$/, '')
    this.#requests = openPool(target, url.origin, options.connections ?? 8)
    this.#watches = openPool(target, url.origin, null)
  }

  /** Requests sent so far, by verb. */
  counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  /** Sends, waits out throttling as the server asks, and gives the parsed body of a 2xx answer. */
  async send(call: Call): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      using deadline = new Deadline(call)
      const answer = await this.#answer(call, deadline)
      if (answer.status < 300) return parseBody(answer.body, call.attempted)
      const waitMs = answer.retryAfterMs
      if (waitMs === undefined || attempt >= MAX_THROTTLED) throw refusal(answer.status, answer.body, call.attempted)
      await this.#options.clock.sleep(waitMs, call.signal)
    }
  }

  /** The lines of an endless answer, until the server ends it or the signal does. */
  async *lines(call: Call): AsyncGenerator<string> {
    try {
      const response = await this.#dispatch(this.#watches, call, call.signal)
      if (response.statusCode >= 300)
        throw refusal(response.statusCode, await readBody(response, MAX_LINE_BYTES, call.attempted), call.attempted)
      yield* splitLines(response.body, call.attempted)
    } catch (error) {
      call.signal.throwIfAborted()
      throw unanswered(error, call.attempted)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#requests.destroy(), this.#watches.destroy()])
  }

  async #answer(call: Call, deadline: Deadline): Promise<Answer> {
    const limit = this.#options.maxResponseBytes ?? MAX_RESPONSE_BYTES
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await this.#dispatch(this.#requests, call, deadline.signal)
        const body = await readBody(response, limit, call.attempted)
        return { status: response.statusCode, body, retryAfterMs: throttledMs(response) }
      } catch (error) {
        if (deadline.signal.aborted) throw deadline.signal.reason
        // Reads and applies may be sent again; a create or delete may have been carried out.
        const repeatable = call.method === 'GET' || call.verb === 'apply' || call.verb === 'dry-run'
        if (attempt > 1 || !repeatable || !wasCutOff(error)) throw unanswered(error, call.attempted)
      }
    }
  }

  async #dispatch(pool: Pool, call: Call, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    this.#counts.set(call.verb, (this.#counts.get(call.verb) ?? 0) + 1)
    const headers: Record<string, string> = { accept: call.accept ?? 'application/json', 'user-agent': AGENT_NAME }
    if (call.body !== undefined) headers['content-type'] = call.contentType ?? 'application/json'
    if (call.as) headers['impersonate-user'] = call.as
    if (this.#target.token) headers.authorization = `Bearer ${(await this.#target.token()).reveal()}`
    return request.call(pool, { path: this.#base + call.path, method: call.method, headers, body: call.body ?? null, signal })
  }
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly retryAfterMs: number | undefined
}

/** A signal that ends with the caller's or after the call's time, and leaves no listener or timer behind. */
class Deadline {
  readonly #controller = new AbortController()
  readonly #parent: AbortSignal
  readonly #timer: NodeJS.Timeout
  readonly #stop = () => this.#controller.abort(this.#parent.reason)

  constructor(call: Call) {
    call.signal.throwIfAborted()
    const ms = call.timeoutMs ?? TIMEOUT_MS
    this.#parent = call.signal
    this.#parent.addEventListener('abort', this.#stop, { once: true })
    this.#timer = setTimeout(() => this.#controller.abort(late(call.attempted, ms)), ms)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#parent.removeEventListener('abort', this.#stop)
  }
}

function late(attempted: string, ms: number): FleetError {
  return new FleetError('deadline-exceeded', `${attempted}: no answer from the API server within ${ms / 1000} s`)
}

function openPool(target: KubeTarget, origin: string, connections: number | null): Pool {
  return new Pool(origin, {
    connections,
    allowH2: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    headersTimeout: WATCH_SILENCE_MS,
    bodyTimeout: WATCH_SILENCE_MS,
    connect: {
      timeout: 10_000,
      rejectUnauthorized: !target.insecure,
      ...(target.ca ? { ca: target.ca } : {}),
      ...(target.cert ? { cert: target.cert } : {}),
      ...(target.key ? { key: target.key.reveal() } : {}),
      ...(target.serverName ? { servername: target.serverName } : {}),
    },
  })
}

async function readBody(response: Dispatcher.ResponseData, limit: number, attempted: string): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > limit) throw new FleetError('too-large', `${attempted}: the answer is larger than ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, bytes).toString('utf8')
}

async function* splitLines(body: AsyncIterable<Buffer>, attempted: string): AsyncGenerator<string> {
  let rest: Buffer[] = []
  let restBytes = 0
  for await (const chunk of body) {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...rest, chunk.subarray(from, end)])
      rest = []
      restBytes = 0
      from = end + 1
      if (line.length > 0) yield line.toString('utf8')
    }
    if (from < chunk.length) rest.push(chunk.subarray(from))
    restBytes += chunk.length - from
    if (restBytes > MAX_LINE_BYTES) throw new FleetError('too-large', `${attempted}: one event is larger than ${MAX_LINE_BYTES} bytes`)
  }
}

/** How long the server asks to wait; only where it says so, as client-go does. */
function throttledMs(response: Dispatcher.ResponseData): number | undefined {
  const value = response.headers['retry-after']
  if (response.statusCode !== 429 && response.statusCode < 500) return undefined
  const seconds = typeof value === 'string' ? Number(value) : Number.NaN
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 30) * 1000 : undefined
}

function parseBody(body: string, attempted: string): unknown {
  try {
    return JSON.parse(body)
  } catch (error) {
    throw new FleetError('unavailable', `${attempted}: the API server's answer is not JSON`, { cause: error })
  }
}
