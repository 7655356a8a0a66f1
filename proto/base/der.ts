import { FleetError } from './errors.ts'

/** Tags of the few ASN.1 types that certificates are made of. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/** One DER element: tag, length, and its parts one after the other. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag]), lengthOf(body.length), body])
}

/** An object identifier from its dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return der(TAG.oid, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

/** A positive integer from hex. */
export function integer(hex: string): Buffer {
  const bytes = Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex')
  return der(TAG.integer, (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes)
}

/** A bit string of whole bytes, or with `unused` bits at its end. */
export function bits(bytes: Uint8Array, unused = 0): Buffer {
  return der(TAG.bits, Buffer.from([unused]), bytes)
}

/** One element as it was read: its tag, its content, and all its bytes. */
export interface Element {
  readonly tag: number
  readonly content: Buffer
  readonly bytes: Buffer
}

/** The elements that the bytes consist of, one after the other. @throws `invalid` where they are not DER to the last byte */
export function readElements(bytes: Buffer): readonly Element[] {
  const elements: Element[] = []
  for (let at = 0; at < bytes.length; ) {
    const element = readElement(bytes.subarray(at))
    elements.push(element)
    at += element.bytes.length
  }
  return elements
}

function readElement(bytes: Buffer): Element {
  const [tag = 0, first = 0] = bytes
  const more = first > 0x80 ? first & 0x7f : 0
  if (bytes.length < 2 + more || first === 0x80 || more > 4) throw malformed()
  const length = more === 0 ? first : bytes.readUIntBE(2, more)
  const end = 2 + more + length
  if (end > bytes.length || !lengthOf(length).equals(bytes.subarray(1, 2 + more))) throw malformed()
  return { tag, content: bytes.subarray(2 + more, end), bytes: bytes.subarray(0, end) }
}

function malformed(): FleetError {
  return new FleetError('invalid', 'read DER: an element does not end where it says')
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const hex = length.toString(16)
  const bytes = Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex')
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes])
}

function base128(value: number): number[] {
  const digits = [value & 0x7f]
  for (let rest = value >> 7; rest > 0; rest >>= 7) digits.unshift(0x80 | (rest & 0x7f))
  return digits
}
