import { experimental, type ServerCredentials, type ServerUnaryCall } from '@grpc/grpc-js'
import { FleetError } from '../../../proto/base/errors.ts'
import { clusterOfNames } from '../../../proto/model/identity.ts'
import type { ClusterId } from '../../../proto/model/ids.ts'

export interface PeerCertificate {
  readonly clusterId: ClusterId
  readonly serial: string
  readonly der: Uint8Array
  /** Unix milliseconds from which on its session has to be over. */
  readonly until: number
}

const MARGIN_MS = 60_000

/**
 * Who is calling, by the certificate that TLS verified against the hub's CA; grpc-js shows no other.
 * @throws `unauthenticated` without one, or where it is not exactly a cluster's
 */
export function peerOf(call: Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext'>): PeerCertificate {
  const certificate = call.getAuthContext().sslPeerCertificate
  const clusterId = clusterOfNames(certificate?.subjectaltname)
  if (!certificate || !clusterId) throw new FleetError('unauthenticated', 'call the hub: this needs the certificate of a cluster')
  const from = Date.parse(certificate.valid_from)
  const to = Date.parse(certificate.valid_to)
  return {
    clusterId,
    serial: certificate.serialNumber.toLowerCase(),
    der: certificate.raw,
    until: to - Math.min(MARGIN_MS, (to - from) * 0.05),
  }
}

/** TLS with the hub's own certificate that asks for the client's, verifies it where there is one, and leaves to each call what it needs. */
export function optionalClientCertificate(identity: {
  readonly certificate: string
  readonly privateKey: string
  readonly ca: string
}): ServerCredentials {
  const ca = { caCertificate: Buffer.from(identity.ca) }
  const own = { certificate: Buffer.from(identity.certificate), privateKey: Buffer.from(identity.privateKey) }
  // grpc-js only looks at what it is told after it has added its own listener.
  const provider: Parameters<typeof experimental.createCertificateProviderServerCredentials>[1] = {
    addCaCertificateListener: (listener) => queueMicrotask(() => listener(ca)),
    removeCaCertificateListener: () => undefined,
    addIdentityCertificateListener: (listener) => queueMicrotask(() => listener(own)),
    removeIdentityCertificateListener: () => undefined,
  }
  return experimental.createCertificateProviderServerCredentials(provider, provider, false)
}
