import type { Dispatcher } from 'undici'
import { portOf } from '../../model.ts'
import { checkHost } from '../checked-lookup.ts'
import { FetchFailure } from '../failure.ts'
import { flat } from './body.ts'
import { type ConnectionOptions, networkFailure, openConnections, redirected } from './connections.ts'

export interface Asked {
  readonly method?: 'GET' | 'HEAD'
  readonly headers?: Readonly<Record<string, string>>
  /** The authorization to show to this address, which may be one that a redirect led to. */
  readonly authorize?: (to: URL) => string | undefined
}

export interface Answer {
  /** The address that answered, after redirects. */
  readonly url: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Fails by name when the connection ends before the body does. */
  readonly body: AsyncIterable<Uint8Array>
  /** Lets go of a body that nobody reads. */
  dump(): Promise<void>
}

/** Asks servers for the length of one fetch. */
export interface HttpClient extends AsyncDisposable {
  ask(url: string, asked: Asked): Promise<Answer>
}

const MAX_REDIRECTS = 5
const USER_AGENT = 'flotilla'

/** A client that goes nowhere but where the policy lets it, redirects included. */
export function openHttpClient(options: ConnectionOptions, signal: AbortSignal): HttpClient {
  const connections = openConnections(options)
  const once = async (at: string, { authorize, headers, method = 'GET' }: Asked) => {
    const to = new URL(at)
    if (to.protocol !== 'https:' && to.protocol !== 'http:') throw new FetchFailure('url', `${at}: only http and https are fetched`)
    checkHost(to.hostname, portOf(to), options.policy)
    const authorization = authorize?.(to)
    const shown = { 'user-agent': USER_AGENT, ...headers, ...(authorization ? { authorization } : {}) }
    const bare = new URL(`${to.origin}${to.pathname}${to.search}`)
    return connections.send(bare, { method, headers: shown, signal }).catch((error: unknown) => {
      throw networkFailure(to, error)
    })
  }
  return {
    async ask(url, asked) {
      let at = url
      for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
        const answer = await once(at, asked)
        const headers = flat(answer.headers)
        if (!isRedirect(answer.statusCode) || headers.location === undefined) return answered(at, answer, headers)
        await answer.body.dump()
        at = redirected(at, headers.location)
      }
      throw new FetchFailure('network', `${shownUrl(url)}: more than ${MAX_REDIRECTS} redirects`)
    },
    [Symbol.asyncDispose]: () => connections.destroy(),
  }
}

/** An address without what may be secret in it. */
export function shownUrl(text: string): string {
  const { host, pathname, protocol } = new URL(text)
  return `${protocol}//${host}${pathname}`
}

/** The failure that a status stands for. */
export function statusFailure(what: string, { headers, status }: Pick<Answer, 'status' | 'headers'>): FetchFailure {
  const retryAfterMs = retryAfter(headers['retry-after'])
  if (status === 401 || status === 403)
    return new FetchFailure('unauthorized', `${what}: the server refuses access (HTTP ${status}); check the credentials`)
  if (status === 404 || status === 410) return new FetchFailure('not-found', `${what}: not found (HTTP ${status})`)
  if (status === 429) return new FetchFailure('throttled', `${what}: the server asks for fewer requests (HTTP 429)`, { retryAfterMs })
  return new FetchFailure('network', `${what}: the server answers HTTP ${status}`, { retryAfterMs })
}

/** Milliseconds of a Retry-After in seconds; dates are left aside, clocks need not agree. */
function retryAfter(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status)
}

function answered(url: string, { body, statusCode }: Dispatcher.ResponseData, headers: Readonly<Record<string, string>>): Answer {
  return { url, status: statusCode, headers, body: named(url, body), dump: () => body.dump() }
}

/** A body whose failures have names. */
export async function* named(url: string, body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    throw networkFailure(new URL(url), error)
  }
}
