import type { ClusterId } from '../../proto/model/ids.ts'
import type { Certificate, Cluster, JoinToken } from './model.ts'
import type { Validity } from './pki.ts'

/** Rows of clusters, tokens and certificates, inside one transaction. */
export interface ClusterRows {
  tokenForUpdate(id: string): Promise<JoinToken | undefined>
  clusterByName(name: string): Promise<Cluster | undefined>
  clusterByKey(publicKey: string): Promise<Cluster | undefined>
  /** True when a certificate of this key was revoked. */
  keyRevoked(publicKey: string): Promise<boolean>
  clusterById(id: ClusterId): Promise<Cluster | undefined>
  addCluster(cluster: Cluster, csr: Uint8Array): Promise<void>
  takeUse(tokenId: string): Promise<void>
  approve(id: ClusterId, by: string): Promise<void>
  removeCluster(id: ClusterId): Promise<void>
  certificate(serial: string): Promise<Certificate | undefined>
  addCertificate(certificate: Certificate): Promise<void>
  /** Records a certificate that was given before and is not in the rows; one that is there stays as it is. */
  restoreCertificate(certificate: Certificate): Promise<void>
  /** Marks all certificates of a cluster, and remembers their NATS users as long as they would be good. */
  revokeCertificates(id: ClusterId): Promise<void>
  audit(entry: {
    readonly subject: string
    readonly verb: string
    readonly object: string
    readonly outcome: string
    readonly detail?: string
  }): Promise<void>
}

export interface ClusterStore extends ClusterRows {
  atomically<T>(work: (rows: ClusterRows) => Promise<T>): Promise<T>
  clusters(): Promise<readonly Cluster[]>
  tokens(): Promise<readonly JoinToken[]>
  addToken(token: JoinToken): Promise<void>
  /** @returns false when there is no such token */
  revokeToken(id: string): Promise<boolean>
  revokedUsers(): Promise<readonly { readonly user: string; readonly until: Date }[]>
}

export interface SigningRequest {
  /** SPKI in base64. */
  readonly publicKey: string
  /** The serial of the one certificate that it is good for. */
  readonly serial: string
}

export interface PresentedCertificate {
  readonly serial: string
  readonly publicKey: string
  readonly clusterId: ClusterId
  readonly notAfter: Date
}

/** The hub's certificate authority. */
export interface Authority {
  /** PEM */
  readonly certificate: string
  /** Reads a request in DER and verifies its signature. @throws `invalid` */
  readRequest(csr: Uint8Array): SigningRequest
  /** Reads a cluster's certificate in DER, of any age. @throws `unauthenticated` when this authority did not sign it */
  readCertificate(der: Uint8Array): PresentedCertificate
  issue(request: SigningRequest, clusterId: ClusterId, validity: Validity): string
}

/** Who hands out and takes back rights in NATS. */
export interface NatsUsers {
  readonly urls: readonly string[]
  /** The user that belongs to a certificate: always the same one for the same serial. */
  issue(input: { readonly clusterId: ClusterId; readonly serial: string; readonly notAfter: Date; readonly now: Date }): {
    readonly user: string
    readonly jwt: string
    readonly seed: string
  }
  userOf(serial: string): string
  revoke(revoked: readonly { readonly user: string; readonly until: Date }[]): Promise<void>
}

/** Who is told of members that come and go. */
export interface Listeners {
  /** A cluster became known (labels are its token's); called again when it is approved. */
  joined(cluster: Cluster, labels: Readonly<Record<string, string>>): Promise<void>
  /** A cluster is no member any more: its session ends now. */
  expelled(cluster: Cluster): Promise<void>
  removed(cluster: Cluster): Promise<void>
}
