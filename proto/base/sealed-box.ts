import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'
import { FleetError } from './errors.ts'

// Box: version (1) · ephemeral X25519 key (32) · tag (16) · AES-256-GCM ciphertext. Persisted: do not change.
const VERSION = 1
const HEAD = 1 + 32 + 16
const INFO = 'flotilla sealed box v1'
const SPKI = Buffer.from('302a300506032b656e032100', 'hex')
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex')

/** A fresh X25519 key pair, both halves raw (32 bytes). */
export function boxKeyPair(): { readonly publicKey: Uint8Array; readonly privateKey: Uint8Array } {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  return { publicKey: rawPublic(publicKey), privateKey: privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(PKCS8.length) }
}

/** Seals bytes so that only the holder of the private half of `publicKey` (X25519, raw) can read them; two boxes are never alike. */
export function seal(publicKey: Uint8Array, bytes: Uint8Array): Uint8Array {
  const receiver = publicFrom(publicKey)
  const once = generateKeyPairSync('x25519')
  const sender = rawPublic(once.publicKey)
  const { key, nonce } = derive(diffieHellman({ privateKey: once.privateKey, publicKey: receiver }), sender, publicKey)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const body = Buffer.concat([cipher.update(bytes), cipher.final()])
  return Buffer.concat([Buffer.from([VERSION]), sender, cipher.getAuthTag(), body])
}

/** What `seal` was given. @throws `invalid` when the box is not one, was altered, or is for another key */
export function open(privateKey: Uint8Array, box: Uint8Array): Uint8Array {
  const bytes = Buffer.from(box)
  if (bytes.length < HEAD || bytes[0] !== VERSION) throw new FleetError('invalid', 'open a sealed box: it is none of version 1')
  const own = createPrivateKey({ key: Buffer.concat([PKCS8, privateKey]), format: 'der', type: 'pkcs8' })
  const sender = bytes.subarray(1, 33)
  try {
    const shared = diffieHellman({ privateKey: own, publicKey: publicFrom(sender) })
    const { key, nonce } = derive(shared, sender, rawPublic(createPublicKey(own)))
    const cipher = createDecipheriv('aes-256-gcm', key, nonce).setAuthTag(bytes.subarray(33, HEAD))
    return Buffer.concat([cipher.update(bytes.subarray(HEAD)), cipher.final()])
  } catch (error) {
    throw new FleetError('invalid', 'open a sealed box: it was altered or is for another key', { cause: error })
  }
}

function derive(shared: Uint8Array, sender: Uint8Array, receiver: Uint8Array) {
  const bytes = Buffer.from(hkdfSync('sha256', shared, Buffer.concat([sender, receiver]), INFO, 44))
  return { key: bytes.subarray(0, 32), nonce: bytes.subarray(32) }
}

function publicFrom(raw: Uint8Array): KeyObject {
  if (raw.length !== 32) throw new FleetError('invalid', `read an X25519 key: it has ${raw.length} bytes instead of 32`)
  return createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' })
}

function rawPublic(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' }).subarray(SPKI.length)
}
