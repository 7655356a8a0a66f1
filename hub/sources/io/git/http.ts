import type { GitHttpRequest, GitHttpResponse, HttpClient } from 'isomorphic-git'
import { portOf } from '../../model.ts'
import { checkHost } from '../checked-lookup.ts'
import { FetchFailure } from '../failure.ts'
import { collect, flat, within } from '../http/body.ts'
import { named, statusFailure } from '../http/client.ts'
import { networkFailure, openConnections, redirected } from '../http/connections.ts'
import type { Connections } from '../http/transport.ts'
import type { FetchJob } from './jobs.ts'

/** Speaks to one repository for the length of one job; gives isomorphic-git the same advertisement however often it asks. */
export interface Transport extends HttpClient, AsyncDisposable {
  /** The address to give to isomorphic-git, which knows http alone. */
  readonly url: string
}

const MAX_REDIRECTS = 5
const MAX_ADVERTISEMENT_BYTES = 64 << 20
const ADVERTISEMENT = '/info/refs?service=git-upload-pack'

export function openHttp(job: FetchJob, signal: AbortSignal): Transport {
  const { origin, pathname, search } = new URL(job.url)
  const url = `${origin}${pathname}${search}`.replace(/\/+$/, '')
  const { ca, client, proxy } = job.credential
  const connections = openConnections({ policy: job.policy, timeoutMs: job.timeoutMs, ca, client, proxy })
  const send = exchangeOver(connections, job, signal)
  let base = url
  let advertised: Promise<Response> | undefined

  async function get(wanted: string): Promise<Response> {
    let at = wanted
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const answer = await send(at, { method: 'GET' })
      const { location } = answer.headers
      if (answer.status < 300 || answer.status >= 400 || location === undefined) {
        if (at.endsWith(ADVERTISEMENT)) base = at.slice(0, -ADVERTISEMENT.length)
        return { ...answer, bytes: await collect(named(url, answer.body), MAX_ADVERTISEMENT_BYTES) }
      }
      await answer.body.dump()
      at = redirected(at, location)
    }
    throw new FetchFailure('network', `${url}: more than ${MAX_REDIRECTS} redirects`)
  }

  return {
    url,
    async request({ url: wanted, method, body }: GitHttpRequest): Promise<GitHttpResponse> {
      if (method === 'GET') {
        advertised ??= get(wanted)
        const { status, headers, bytes } = await advertised
        checkStatus(url, { status, headers })
        return { url: wanted, method, statusCode: status, statusMessage: '', headers, body: chunks([bytes]) }
      }
      const answer = await send(wanted.replace(url, base), {
        method: 'POST',
        body: await collect(body ?? [], MAX_ADVERTISEMENT_BYTES),
        type: 'application/x-git-upload-pack-request',
      })
      checkStatus(url, answer)
      const limited = within(named(url, answer.body), job.budget.maxTransferBytes, url)
      return { url: wanted, method: 'POST', statusCode: answer.status, statusMessage: '', headers: answer.headers, body: limited }
    },
    [Symbol.asyncDispose]: () => connections.destroy(),
  }
}

function exchangeOver(connections: Connections, job: FetchJob, signal: AbortSignal) {
  const start = new URL(job.url)
  return async (at: string, { method, body, type }: { method: 'GET' | 'POST'; body?: Buffer; type?: string }) => {
    const target = new URL(at)
    checkHost(target.hostname, portOf(target), job.policy)
    // A credential goes to the origin it was given for and nowhere else.
    const authorization = target.origin === start.origin ? authorizationOf(job) : undefined
    const headers = {
      'user-agent': 'git/2 (flotilla)',
      accept: '*/*',
      ...(type ? { 'content-type': type } : {}),
      ...(authorization ? { authorization } : {}),
    }
    const answer = await connections.send(target, { method, headers, signal, body: body ?? null }).catch((error: unknown) => {
      throw networkFailure(start, error)
    })
    return { status: answer.statusCode, headers: flat(answer.headers), body: answer.body }
  }
}

interface Response {
  readonly status: number
  readonly headers: Record<string, string>
  readonly bytes: Buffer
}

function authorizationOf({ credential }: FetchJob): string | undefined {
  if (credential.bearer) return `Bearer ${credential.bearer}`
  if (!credential.basic) return undefined
  return `Basic ${Buffer.from(`${credential.basic.username}:${credential.basic.password}`).toString('base64')}`
}

function checkStatus(url: string, { headers, status }: Pick<Response, 'headers' | 'status'>): void {
  if (status === 200) return
  if (status === 404 || status === 410) throw new FetchFailure('not-found', `${url}: repository not found (HTTP ${status})`)
  throw statusFailure(url, { headers, status })
}

export async function* chunks(list: readonly Uint8Array[]): AsyncIterableIterator<Uint8Array> {
  yield* list
}
