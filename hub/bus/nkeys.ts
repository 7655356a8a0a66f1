import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { FleetError } from '../../proto/base/errors.ts'

export type NkeyKind = 'operator' | 'account' | 'user'

/** An Ed25519 key in NATS's form. Signing is node:crypto's: the pure JavaScript of the NATS packages blocks for 26-30 ms. */
export interface Nkey {
  /** `O…`, `A…` or `U…` */
  readonly public: string
  /** `SO…`, `SA…` or `SU…` */
  readonly seed: string
  sign(bytes: Uint8Array): Uint8Array
}

const PREFIX = { operator: 14 << 3, account: 0, user: 20 << 3 } as const satisfies Record<NkeyKind, number>
const SEED_PREFIX = 18 << 3
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_BYTES = 12

export function createNkey(kind: NkeyKind): Nkey {
  const { privateKey } = generateKeyPairSync('ed25519')
  return fromPrivate(kind, privateKey)
}

/** The user's key that 32 secret bytes make. */
export function userNkey(secret: Uint8Array): Nkey {
  return fromPrivate('user', privateKeyOf(secret))
}

/** The key of a seed. @throws `invalid` when the text is no seed of a key of ours */
export function nkeyFromSeed(seed: string): Nkey {
  const bytes = decode32(seed)
  const body = bytes.subarray(0, -2)
  const kindBits = (((bytes[0] ?? 0) & 7) << 5) | ((bytes[1] ?? 0) >> 3)
  const kind = (Object.keys(PREFIX) as NkeyKind[]).find((name) => PREFIX[name] === kindBits)
  if (bytes.length !== 36 || ((bytes[0] ?? 0) & 0xf8) !== SEED_PREFIX || crc16(body) !== bytes.readUInt16LE(34) || !kind) {
    throw new FleetError('invalid', 'read a NATS seed: it is none of an operator, account or user')
  }
  return fromPrivate(kind, privateKeyOf(body.subarray(2)))
}

function privateKeyOf(secret: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8, secret]), format: 'der', type: 'pkcs8' })
}

function fromPrivate(kind: NkeyKind, key: KeyObject): Nkey {
  const raw = key.export({ type: 'pkcs8', format: 'der' }).subarray(PKCS8.length)
  const open = createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(SPKI_BYTES)
  const prefix = PREFIX[kind]
  return {
    public: checked(Buffer.concat([Buffer.from([prefix]), open])),
    seed: checked(Buffer.concat([Buffer.from([SEED_PREFIX | (prefix >> 5), (prefix & 31) << 3]), raw])),
    sign: (bytes) => sign(null, bytes, key),
  }
}

function checked(body: Buffer): string {
  const sum = Buffer.alloc(2)
  sum.writeUInt16LE(crc16(body))
  return encode32(Buffer.concat([body, sum]))
}

/** CRC-16/XMODEM. */
function crc16(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff) >>> 0
  }
  return crc
}

/** RFC 4648 base32 without padding. */
export function encode32(bytes: Uint8Array): string {
  let text = ''
  let value = 0
  let bits = 0
  for (const byte of bytes) {
    value = (value << 8) | byte
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(value >> (bits - 5)) & 31]
    value &= 31
  }
  return bits > 0 ? text + ALPHABET[(value << (5 - bits)) & 31] : text
}

function decode32(text: string): Buffer {
  const bytes: number[] = []
  let value = 0
  let bits = 0
  for (const letter of text) {
    const digit = ALPHABET.indexOf(letter)
    if (digit < 0) throw new FleetError('invalid', 'read a NATS seed: it has letters that are none of base32')
    value = ((value << 5) | digit) & 0xfff
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes.push((value >> bits) & 0xff)
    }
  }
  return Buffer.from(bytes)
}
