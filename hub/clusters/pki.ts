import { HUB_NAME } from '../../proto/model/identity.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Clocks need not agree: a certificate is already valid a little before it is made. */
const MAX_SKEW_MS = 10 * 60_000

export interface Validity {
  readonly notBefore: Date
  readonly notAfter: Date
}

export function clusterValidity(now: Date, lifeMs: number): Validity {
  return { notBefore: new Date(now.getTime() - Math.min(MAX_SKEW_MS, lifeMs / 20)), notAfter: new Date(now.getTime() + lifeMs) }
}

export function serverValidity(now: Date): Validity {
  return clusterValidity(now, 397 * DAY_MS)
}

export function authorityValidity(now: Date): Validity {
  return clusterValidity(now, 20 * 365 * DAY_MS)
}

/**
 * Serial of the certificate that answers a signing request: a function of it, so that one request is good for one certificate
 * and a recorded request cannot be played again.
 * @param digest  sha256 over what the request's signature covers, in hex
 */
export function serialFor(digest: string): string {
  // Positive and of full length, as DER wants it.
  return `4${digest.slice(1, 32)}`
}

/** Names of a server certificate, split as certificates want them; always good for the hub's own name and this machine. */
export function serverNames(configured: readonly string[]): { readonly dns: readonly string[]; readonly ips: readonly string[] } {
  const all = [...new Set([HUB_NAME, 'localhost', '127.0.0.1', ...configured])]
  const isIp = (name: string) => /^\d{1,3}(\.\d{1,3}){3}$|:/.test(name)
  return { dns: all.filter((name) => !isIp(name)), ips: all.filter(isIp) }
}
