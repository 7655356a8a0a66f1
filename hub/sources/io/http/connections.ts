import { Agent, request } from 'undici'
import { checkedLookup } from '../checked-lookup.ts'
import { FetchFailure } from '../failure.ts'
import type { OpenProxy } from '../open-credential.ts'
import { openProxied } from './proxy.ts'
import { BY_SIGNAL, type Connections, connectMs, type TransportOptions, trust } from './transport.ts'

export interface ConnectionOptions extends TransportOptions {
  /** Everything goes through it, and it alone is connected to. */
  readonly proxy?: OpenProxy | undefined
}

/** Connections for one fetch: to allowed addresses alone, with the source's own trust. */
export function openConnections({ proxy, ...options }: ConnectionOptions): Connections {
  if (proxy) return openProxied(proxy, options)
  const connect = { lookup: checkedLookup(options.policy), timeout: connectMs(options), ...trust(options) }
  const agent = new Agent({ connect, ...BY_SIGNAL })
  return { send: (to, sent) => request(to, { ...sent, dispatcher: agent }), destroy: () => agent.destroy() }
}

/** Where a redirect leads; never from https to http, never to another protocol. */
export function redirected(from: string, location: string): string {
  const to = new URL(location, from)
  if (to.protocol !== 'https:' && !(to.protocol === 'http:' && from.startsWith('http:')))
    throw new FetchFailure('network', `${from} redirects to ${to.protocol}//${to.host}, which is not followed`)
  return to.href
}

/** What a connection that failed says, by the address that was asked for. */
export function networkFailure({ origin, pathname }: URL, error: unknown): FetchFailure {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (cause instanceof FetchFailure) return cause
  const at = `${origin}${pathname}`
  if (error instanceof Error && error.name === 'TimeoutError') return new FetchFailure('timeout', `${at}: no answer in time`)
  return new FetchFailure('network', `${at}: ${error instanceof Error ? error.message || error.name : String(error)}`, { cause: error })
}
