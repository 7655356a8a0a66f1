import type { Dispatcher } from 'undici'
import type { AddressPolicy } from '../../addresses.ts'

export interface TransportOptions {
  readonly policy: AddressPolicy
  readonly timeoutMs: number
  readonly ca?: string | undefined
  readonly client?: { readonly certificate: string; readonly key: string } | undefined
}

export interface Sent {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Buffer | null
  readonly signal: AbortSignal
}

/** Connections for one fetch. */
export interface Connections {
  send(to: URL, sent: Sent): Promise<Dispatcher.ResponseData>
  destroy(): Promise<void>
}

const MAX_CONNECT_MS = 30_000

/** How long a connection may take to come about. */
export function connectMs({ timeoutMs }: TransportOptions): number {
  return Math.min(timeoutMs, MAX_CONNECT_MS)
}

/** Whom to trust, and what to show of oneself, as a TLS connection takes it. */
export function trust({ ca, client }: TransportOptions) {
  return { ...(ca ? { ca } : {}), ...(client ? { cert: client.certificate, key: client.key } : {}) }
}

/** How long an answer may take is the signal's to say alone: a limit beside it ends a fetch at the same moment, with other words. */
export const BY_SIGNAL = { headersTimeout: 0, bodyTimeout: 0, allowH2: false } as const
