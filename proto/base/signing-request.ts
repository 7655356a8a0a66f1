import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { bits, der, integer, oid, readElements, TAG } from './der.ts'
import { FleetError } from './errors.ts'

/** AlgorithmIdentifier of ECDSA with SHA-256. */
export const ECDSA_SHA256 = der(TAG.sequence, oid('1.2.840.10045.4.3.2'))

/** A distinguished name of one common name. */
export function commonName(text: string): Buffer {
  return der(TAG.sequence, der(TAG.set, der(TAG.sequence, oid('2.5.4.3'), der(TAG.utf8, Buffer.from(text)))))
}

/**
 * A certificate signing request (PKCS#10, DER) for a P-256 key.
 * @param nonce  goes where a subject would be, which the signer does not look at: it makes each request another one
 */
export function makeSigningRequest(privateKey: KeyObject, nonce: string): Buffer {
  const key = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  const info = der(TAG.sequence, integer('00'), commonName(nonce), key, der(0xa0))
  return der(TAG.sequence, info, ECDSA_SHA256, bits(sign('sha256', info, privateKey)))
}

export interface SigningRequestContent {
  /** SPKI, DER */
  readonly publicKey: Buffer
  /** What the signature covers. */
  readonly signed: Buffer
}

const MAX_BYTES = 16 * 1024

/** Reads a signing request and verifies that its own key signed it. @throws `invalid` or `too-large` */
export function readSigningRequest(request: Uint8Array): SigningRequestContent {
  if (request.length > MAX_BYTES) throw new FleetError('too-large', `read a signing request: it has ${request.length} bytes`)
  try {
    return read(Buffer.from(request))
  } catch (error) {
    throw new FleetError('invalid', 'read a signing request: it is none in PKCS#10 with a P-256 key, signed by that key', { cause: error })
  }
}

function read(request: Buffer): SigningRequestContent {
  const [outer, ...after] = readElements(request)
  const [info, algorithm, signature, ...more] = readElements(outer?.content ?? Buffer.alloc(0))
  const [version, subject, key] = readElements(info?.content ?? Buffer.alloc(0))
  if (!info || !signature || !version || !subject || !key || after.length > 0 || more.length > 0) throw new Error('its parts are others')
  if (!algorithm?.bytes.equals(ECDSA_SHA256) || signature.tag !== TAG.bits) throw new Error('its signature is of another kind')
  const publicKey = createPublicKey({ key: key.bytes, type: 'spki', format: 'der' })
  if (publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('its key is of another kind')
  if (!verify('sha256', info.bytes, publicKey, signature.content.subarray(1))) throw new Error('its signature is not by its own key')
  return { publicKey: publicKey.export({ type: 'spki', format: 'der' }), signed: info.bytes }
}
