import { createHash, createHmac } from 'node:crypto'

/** `sha256:<hex>` of the bytes (text as UTF-8). */
export function sha256(content: string | Uint8Array): `sha256:${string}` {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

/** HMAC-SHA256 in hex: a fingerprint that cannot be recomputed without the key. */
export function hmac(key: Uint8Array, content: string | Uint8Array): string {
  return createHmac('sha256', key).update(content).digest('hex')
}
