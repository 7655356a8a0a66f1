import type { ErrorCode } from '../../proto/base/errors.ts'
import { isDnsLabel } from '../../proto/model/ids.ts'
import type { Certificate, Cluster, JoinToken } from './model.ts'

export interface Refused {
  readonly kind: 'refused'
  readonly code: ErrorCode
  readonly why: string
}

/** What to do with a request to join. */
export type JoinDecision =
  | Refused
  /** The same key asked before: it is this cluster. */
  | { readonly kind: 'known'; readonly cluster: Cluster }
  | { readonly kind: 'register'; readonly approved: boolean }

export interface JoinFacts {
  /** The token that the request names; undefined when there is none or its secret is another. */
  readonly token: JoinToken | undefined
  readonly name: string
  readonly publicKey: string
  readonly byName: Cluster | undefined
  readonly byKey: Cluster | undefined
  readonly keyRevoked: boolean
  readonly now: Date
}

/**
 * Decides on a request to join.
 *
 * 1. Without a token that exists and is not revoked, nothing is said about clusters at all.
 * 2. The key is the identity: the same key is the same cluster, also after the token expired or was used up, so that an agent
 *    can wait for approval and repeat what it does not know to have worked.
 * 3. A key that was revoked never comes back.
 * 4. A new key needs a token that is valid, has uses left and is good for the name; a name that is taken stays its owner's.
 */
export function decideJoin(facts: JoinFacts): JoinDecision {
  const { token, name, byKey, byName, now } = facts
  if (!token || token.revokedAt)
    return refused('unauthenticated', 'the join token is not valid; make a new one with "flotilla join-token create"')
  if (!isDnsLabel(name))
    return refused('invalid', `"${name}" cannot be the name of a cluster: lower-case letters, digits and dashes, at most 63`)
  if (facts.keyRevoked) return refused('forbidden', 'this key was revoked; remove the cluster and join with a new key')
  if (byKey)
    return byKey.name === name ? { kind: 'known', cluster: byKey } : refused('conflict', `this key belongs to the cluster ${byKey.name}`)
  if (token.expiresAt <= now)
    return refused('unauthenticated', 'the join token has expired; make a new one with "flotilla join-token create"')
  if (token.usesLeft <= 0) return refused('unauthenticated', 'the join token is used up; make a new one with "flotilla join-token create"')
  if (token.clusterName !== undefined && token.clusterName !== name)
    return refused('forbidden', 'the join token is for another cluster name')
  if (byName)
    return refused('already-exists', `the cluster ${name} is there already, with another key; remove it first, or choose another name`)
  return { kind: 'register', approved: token.autoApprove }
}

export interface RenewFacts {
  /** The key of the presented certificate and of the request. */
  readonly certificateKey: string
  readonly requestKey: string
  /** Our record of the presented certificate. */
  readonly certificate: Certificate | undefined
  readonly cluster: Cluster | undefined
}

/** Decides on a renewal: an expired certificate is good for it, a revoked or unknown one, or another key, is not. */
export function decideRenewal(facts: RenewFacts): Refused | { readonly kind: 'renew'; readonly cluster: Cluster } {
  const { certificate, cluster } = facts
  if (!certificate || !cluster?.approvedAt)
    return refused('unauthenticated', 'the certificate is not one of this hub; join again with a token')
  if (certificate.revokedAt) return refused('forbidden', 'the certificate was revoked; join again with a token and a new key')
  const keys = new Set([facts.certificateKey, facts.requestKey, certificate.publicKey, cluster.publicKey])
  return keys.size === 1 ? { kind: 'renew', cluster } : refused('forbidden', 'the request was not signed with the key of the certificate')
}

/**
 * Whether a certificate of this authority that the rows do not have is taken up again: they were set back to before it was given.
 * The key is the identity, so it has to be the member's, and never one that was revoked.
 */
export function isForgotten(facts: {
  readonly certificateKey: string
  readonly cluster: Cluster | undefined
  readonly keyRevoked: boolean
}): boolean {
  return facts.cluster?.approvedAt !== undefined && facts.cluster.publicKey === facts.certificateKey && !facts.keyRevoked
}

function refused(code: ErrorCode, why: string): Refused {
  return { kind: 'refused', code, why }
}
