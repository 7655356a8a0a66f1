import { Agent } from 'undici'
import type { AddressPolicy } from '../../addresses.ts'
import { checkedLookup } from '../checked-lookup.ts'
import { FetchFailure } from '../failure.ts'

export interface AgentOptions {
  readonly policy: AddressPolicy
  readonly timeoutMs: number
  readonly ca?: string | undefined
  readonly client?: { readonly certificate: string; readonly key: string } | undefined
}

const MAX_CONNECT_MS = 30_000

/** Connections for one fetch: to allowed addresses alone, with the source's own trust. */
export function openAgent({ ca, client, policy, timeoutMs }: AgentOptions): Agent {
  return new Agent({
    connect: {
      lookup: checkedLookup(policy),
      timeout: Math.min(timeoutMs, MAX_CONNECT_MS),
      ...(ca ? { ca } : {}),
      ...(client ? { cert: client.certificate, key: client.key } : {}),
    },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    allowH2: false,
  })
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
