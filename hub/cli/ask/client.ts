import { Agent, request } from 'undici'
import { type ErrorCode, FleetError, messageOf } from '../../../proto/base/errors.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import type { CliConfig } from './config.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface Ask {
  readonly signal: AbortSignal
  readonly body?: unknown
  readonly query?: Readonly<Record<string, string | undefined>>
}

export interface ObjectList {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string }
  readonly items: readonly Manifest[]
}

export interface WatchLine {
  readonly type: string
  readonly object: Manifest
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  410: 'gone',
  413: 'too-large',
  422: 'invalid',
  429: 'exhausted',
  503: 'unavailable',
  504: 'unavailable',
}
const PAGE = '500'

/** Speaks with the hub's API over connections that are kept. */
export class HubClient {
  readonly server: string
  readonly #config: CliConfig
  readonly #agent: Agent
  readonly #warned: (warning: string) => void

  /** @param warned  hears what the hub wants said beside its answers */
  constructor(config: CliConfig, warned: (warning: string) => void) {
    this.#warned = warned
    this.server = config.server.replace(/\/$/, '')
    this.#config = config
    this.#agent = new Agent({
      connect: { ...(config.ca ? { ca: config.ca } : {}), timeout: 10_000 },
      bodyTimeout: 0,
      headersTimeout: 90_000,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy()
  }

  /** The answer's JSON. @throws FleetError with the hub's own sentence */
  async send<T = Manifest>(method: Method, path: string, ask: Ask): Promise<T> {
    const { body } = await this.#request(method, path, ask)
    return (await body.json()) as T
  }

  get<T = Manifest>(path: string, ask: Ask): Promise<T> {
    return this.send<T>('GET', path, ask)
  }

  /** The object, or undefined when there is none. */
  async find(path: string, ask: Ask): Promise<Manifest | undefined> {
    try {
      return await this.get(path, ask)
    } catch (error) {
      if (error instanceof FleetError && error.code === 'not-found') return undefined
      throw error
    }
  }

  /** All pages of a list. */
  async list(path: string, ask: Ask): Promise<ObjectList> {
    const items: Manifest[] = []
    let next: string | undefined
    for (;;) {
      const page = await this.get<ObjectList>(path, { ...ask, query: { limit: PAGE, ...ask.query, continue: next } })
      items.push(...page.items)
      next = page.metadata.continue
      if (!next) return { metadata: page.metadata, items }
    }
  }

  /** The lines of a watch until the signal ends it or the hub closes it. */
  async *watch(path: string, ask: Ask): AsyncGenerator<WatchLine> {
    const { body } = await this.#request('GET', path, { ...ask, query: { watch: 'true', ...ask.query } })
    let rest = ''
    try {
      for await (const chunk of body) {
        const lines = (rest + String(chunk)).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) if (line !== '') yield watchLine(line)
      }
    } catch (error) {
      ask.signal.throwIfAborted()
      throw new FleetError('unavailable', `the watch of ${this.server}${path} broke off: ${messageOf(error)}`, { cause: error })
    }
  }

  async #request(method: Method, path: string, { body, query = {}, signal }: Ask) {
    const url = new URL(this.server + path)
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value)
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
    const headers = {
      authorization: `Bearer ${this.#config.token}`,
      'user-agent': 'flotilla',
      ...(body === undefined ? {} : { 'content-type': type }),
    }
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const answer = await request(url, { method, headers, ...sent, signal, dispatcher: this.#agent }).catch((error: unknown) => {
      signal.throwIfAborted()
      throw new FleetError(
        'unavailable',
        `the hub at ${this.server} cannot be reached: ${messageOf(error)}; check that it runs and the address in flotilla's configuration`,
        { cause: error },
      )
    })
    for (const header of [answer.headers.warning ?? []].flat()) for (const warning of warningsIn(header)) this.#warned(warning)
    if (answer.statusCode < 400) return answer
    throw await failure(answer.statusCode, await answer.body.text())
  }
}

function failure(code: number, text: string): FleetError {
  return new FleetError(CODES[code] ?? (code < 500 ? 'invalid' : 'internal'), sentence(text) ?? `the hub answered ${code}`)
}

/** The texts of a Warning header: `299 - "text"`, several of them with commas between. */
function warningsIn(header: string): readonly string[] {
  return Array.from(header.matchAll(/\d{3} \S+ ("(?:[^"\\]|\\.)*")/g), ([, text = '""']) => JSON.parse(text) as string)
}

function sentence(text: string): string | undefined {
  try {
    const { message } = JSON.parse(text) as { message?: unknown }
    return typeof message === 'string' ? message : undefined
  } catch {
    return undefined
  }
}

function watchLine(text: string): WatchLine {
  const line = JSON.parse(text) as WatchLine
  if (line.type !== 'ERROR') return line
  const { code, message } = line.object as unknown as { code: number; message: string }
  throw new FleetError(CODES[code] ?? 'internal', message)
}
