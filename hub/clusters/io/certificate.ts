import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { bits, der, integer, oid, TAG } from '../../../proto/base/der.ts'
import { commonName, ECDSA_SHA256 } from '../../../proto/base/signing-request.ts'
import type { Validity } from '../pki.ts'

export interface CertificateContent extends Validity {
  /** Hex. */
  readonly serial: string
  readonly issuer: string
  readonly subject: string
  /** SPKI, DER */
  readonly publicKey: Uint8Array
  readonly use: 'authority' | 'client' | 'server'
  readonly names: { readonly uris?: readonly string[]; readonly dns?: readonly string[]; readonly ips?: readonly string[] }
}

const USE = { client: '1.3.6.1.5.5.7.3.2', server: '1.3.6.1.5.5.7.3.1' } as const
const DIGITAL_SIGNATURE = bits(Buffer.from([0x80]), 7)
const SIGN_CERTIFICATES = bits(Buffer.from([0x06]), 1)
const TRUE = der(TAG.boolean, Buffer.from([0xff]))

/** A certificate (X.509 v3) as PEM, signed by the authority's key. */
export function makeCertificate(content: CertificateContent, signingKey: KeyObject): string {
  const signed = der(
    TAG.sequence,
    der(0xa0, integer('02')),
    integer(content.serial),
    ECDSA_SHA256,
    commonName(content.issuer),
    der(TAG.sequence, time(content.notBefore), time(content.notAfter)),
    commonName(content.subject),
    content.publicKey,
    der(0xa3, der(TAG.sequence, ...extensions(content, signingKey))),
  )
  const certificate = der(TAG.sequence, signed, ECDSA_SHA256, bits(sign('sha256', signed, signingKey)))
  const lines = certificate.toString('base64').replace(/.{1,64}/g, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`
}

function extensions(content: CertificateContent, signingKey: KeyObject): readonly Buffer[] {
  const issuerKey = createPublicKey(signingKey).export({ type: 'spki', format: 'der' })
  const common = [
    extension('2.5.29.14', der(TAG.octets, keyId(content.publicKey))),
    extension('2.5.29.35', der(TAG.sequence, der(0x80, keyId(issuerKey)))),
  ]
  if (content.use === 'authority') {
    return [
      extension('2.5.29.19', der(TAG.sequence, TRUE, integer('00')), true),
      extension('2.5.29.15', SIGN_CERTIFICATES, true),
      ...common,
    ]
  }
  return [
    extension('2.5.29.19', der(TAG.sequence), true),
    extension('2.5.29.15', DIGITAL_SIGNATURE, true),
    extension('2.5.29.37', der(TAG.sequence, oid(USE[content.use]))),
    extension('2.5.29.17', der(TAG.sequence, ...alternativeNames(content.names))),
    ...common,
  ]
}

function extension(id: string, value: Uint8Array, critical = false): Buffer {
  return der(TAG.sequence, oid(id), ...(critical ? [TRUE] : []), der(TAG.octets, value))
}

function alternativeNames({ uris = [], dns = [], ips = [] }: CertificateContent['names']): readonly Buffer[] {
  return [
    ...dns.map((name) => der(0x82, Buffer.from(name, 'latin1'))),
    ...uris.map((uri) => der(0x86, Buffer.from(uri, 'latin1'))),
    ...ips.map((ip) => der(0x87, addressBytes(ip))),
  ]
}

function addressBytes(ip: string): Buffer {
  if (!ip.includes(':')) return Buffer.from(ip.split('.').map(Number))
  const [head = '', tail = ''] = ip.split('::')
  const words = (text: string) => (text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16)))
  const left = words(head)
  const right = words(tail)
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right]
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 0xff]))
}

function keyId(spki: Uint8Array): Buffer {
  return createHash('sha256').update(spki).digest().subarray(0, 20)
}

/** UTCTime until 2049, as RFC 5280 wants it. */
function time(at: Date): Buffer {
  const digits = at.toISOString().replace(/[-:T]|\.\d+/g, '')
  return at.getUTCFullYear() < 2050 ? der(TAG.utcTime, Buffer.from(digits.slice(2))) : der(TAG.generalizedTime, Buffer.from(digits))
}
