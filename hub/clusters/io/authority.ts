import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from 'node:crypto'
import { FleetError } from '../../../proto/base/errors.ts'
import { readSigningRequest } from '../../../proto/base/signing-request.ts'
import { clusterOfNames, clusterUri } from '../../../proto/model/identity.ts'
import { authorityValidity, serialFor, serverNames, serverValidity } from '../pki.ts'
import type { Authority, PresentedCertificate, SigningRequest } from '../ports.ts'
import { makeCertificate } from './certificate.ts'

/** The hub's authority as `app.ts` uses it: it also signs the hub's own servers. */
export interface HubAuthority extends Authority {
  /** A fresh key and certificate for a server of the hub, PEM; good for this machine and the given names. */
  issueServer(names: readonly string[], now: Date): ServerIdentity
}

export interface ServerIdentity {
  readonly certificate: string
  readonly privateKey: string
}

interface StoredKey {
  readonly secret: Uint8Array
  readonly public: string
}

const NAME = 'flotilla'

/**
 * Opens the certificate authority of this hub, made the first time.
 * @param stored  the vault's `hubKey` for the name `ca`
 */
export async function openAuthority(stored: (make: () => StoredKey) => Promise<StoredKey> | StoredKey, now: Date): Promise<HubAuthority> {
  const kept = await stored(() => makeAuthority(now))
  const key = createPrivateKey({ key: Buffer.from(kept.secret), type: 'pkcs8', format: 'der' })
  const issuer = new X509Certificate(kept.public)
  return {
    certificate: kept.public,
    readRequest: (csr) => readRequest(csr),
    readCertificate: (der) => readCertificate(issuer, der),
    issue: ({ publicKey, serial }, clusterId, validity) => {
      const names = { uris: [clusterUri(clusterId)] }
      const content = {
        serial,
        issuer: NAME,
        subject: clusterId,
        publicKey: Buffer.from(publicKey, 'base64'),
        use: 'client',
        names,
      } as const
      return makeCertificate({ ...content, ...validity }, key)
    },
    issueServer: (names, at) => {
      const pair = newKey()
      const content = { serial: newSerial(), issuer: NAME, subject: `${NAME}-hub`, publicKey: pair.publicKey, use: 'server' } as const
      const certificate = makeCertificate({ ...content, ...serverValidity(at), names: serverNames(names) }, key)
      return { certificate, privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
    },
  }
}

function makeAuthority(now: Date): StoredKey {
  const { privateKey, publicKey } = newKey()
  const content = { serial: newSerial(), issuer: NAME, subject: NAME, publicKey, use: 'authority', names: {} } as const
  return {
    secret: privateKey.export({ type: 'pkcs8', format: 'der' }),
    public: makeCertificate({ ...content, ...authorityValidity(now) }, privateKey),
  }
}

function newKey(): { readonly privateKey: KeyObject; readonly publicKey: Buffer } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { privateKey, publicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'der' }) }
}

function newSerial(): string {
  return serialFor(randomBytes(32).toString('hex'))
}

/** Of a request only the key counts; the name and extensions that it asks for are not looked at. */
function readRequest(csr: Uint8Array): SigningRequest {
  const { publicKey, signed } = readSigningRequest(csr)
  return { publicKey: publicKey.toString('base64'), serial: serialFor(createHash('sha256').update(signed).digest('hex')) }
}

function readCertificate(issuer: X509Certificate, der: Uint8Array): PresentedCertificate {
  try {
    const certificate = new X509Certificate(Buffer.from(der))
    const clusterId = clusterOfNames(certificate.subjectAltName)
    if (!clusterId || !certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) throw new Error('it is not ours')
    const publicKey = certificate.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
    return { serial: certificate.serialNumber.toLowerCase(), publicKey, clusterId, notAfter: certificate.validToDate }
  } catch (error) {
    throw new FleetError('unauthenticated', 'read a certificate: it is none that this hub gave to a cluster', { cause: error })
  }
}
