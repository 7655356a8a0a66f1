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

/** How long an answer may take, as an agent takes it. */
export function limits({ timeoutMs }: TransportOptions) {
  return { headersTimeout: timeoutMs, bodyTimeout: timeoutMs, allowH2: false } as const
}
