import { type ClusterId, parseClusterId } from './ids.ts'

/** A name that every server certificate of the hub has, for connections to an address without a name. Persisted: do not change. */
export const HUB_NAME = 'flotilla-hub'

const URI_PREFIX = 'spiffe://flotilla/cluster/'

/** The one name in a cluster's certificate. Persisted: do not change. */
export function clusterUri(id: ClusterId): string {
  return `${URI_PREFIX}${id}`
}

/**
 * Which cluster a certificate is of, by its subject alternative names as Node writes them.
 * @returns undefined unless there is exactly one name and it is exactly a cluster's
 */
export function clusterOfNames(subjectAltName: string | undefined): ClusterId | undefined {
  const prefix = `URI:${URI_PREFIX}`
  return subjectAltName?.startsWith(prefix) ? parseClusterId(subjectAltName.slice(prefix.length)) : undefined
}

/** When a certificate should be renewed: at 60-75 % of its life, spread so that a fleet does not come at once. */
export function renewalTime(life: { readonly notBefore: Date; readonly notAfter: Date }, jitter: number): Date {
  const from = life.notBefore.getTime()
  return new Date(from + (life.notAfter.getTime() - from) * (0.6 + 0.15 * jitter))
}
