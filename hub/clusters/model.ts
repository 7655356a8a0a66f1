import type { ClusterId } from '../../proto/model/ids.ts'

/** A cluster that asked to join; a member once it is approved. */
export interface Cluster {
  readonly id: ClusterId
  readonly name: string
  /** uid of its kube-system namespace, as its agent says. */
  readonly clusterUid: string
  /** SPKI in base64: the key that all its certificates are for. */
  readonly publicKey: string
  readonly createdAt: Date
  readonly approvedAt: Date | undefined
  readonly approvedBy: string | undefined
}

/** What lets agents ask to join. The secret itself is shown once and not kept. */
export interface JoinToken {
  readonly id: string
  readonly hash: string
  readonly description: string
  /** The one name that it is good for, if any. */
  readonly clusterName: string | undefined
  /** Given to the clusters that join with it. */
  readonly labels: Readonly<Record<string, string>>
  readonly autoApprove: boolean
  readonly usesLeft: number
  readonly expiresAt: Date
  readonly revokedAt: Date | undefined
  readonly createdAt: Date
  readonly createdBy: string
}

/** A certificate that was given to a cluster. */
export interface Certificate {
  readonly serial: string
  readonly clusterId: ClusterId
  readonly publicKey: string
  readonly natsUser: string
  readonly notAfter: Date
  readonly revokedAt: Date | undefined
}

/** What a member gets: certificate and NATS user, of the same life. */
export interface ClusterCredentials {
  readonly clusterId: ClusterId
  /** PEM */
  readonly certificate: string
  /** PEM */
  readonly ca: string
  readonly notAfter: Date
  readonly natsUrls: readonly string[]
  readonly natsJwt: string
  readonly natsSeed: string
}

/** What an agent asks for, its CSR already read and its signature verified. */
export interface JoinRequest {
  readonly token: string
  readonly clusterName: string
  readonly clusterUid: string
  readonly csr: Uint8Array
}

const TOKEN = /^fjt_([0-9a-f]{16})_([0-9a-f]{64})$/

/** Text of a join token. Persisted: do not change. */
export function formatToken(id: string, secret: string): string {
  return `fjt_${id}_${secret}`
}

export function parseToken(text: string): { readonly id: string; readonly secret: string } | undefined {
  const [, id, secret] = TOKEN.exec(text) ?? []
  return id !== undefined && secret !== undefined ? { id, secret } : undefined
}
