import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { FleetError } from '../../proto/base/errors.ts'

// Sealed: version (1) · nonce (12) · tag (16) · AES-256-GCM ciphertext. Persisted: do not change.
const VERSION = 1
const HEAD = 1 + 12 + 16

/** Encrypts bytes for the database. `name` is bound to them: they cannot be opened under another name. */
export function sealAtRest(key: Uint8Array, name: string, bytes: Uint8Array): Uint8Array {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(name))
  const body = Buffer.concat([cipher.update(bytes), cipher.final()])
  return Buffer.concat([Buffer.from([VERSION]), nonce, cipher.getAuthTag(), body])
}

/** What `sealAtRest` was given under this key and name. @throws `invalid` with what to do about it */
export function openAtRest(key: Uint8Array, name: string, sealed: Uint8Array): Uint8Array {
  const bytes = Buffer.from(sealed)
  if (bytes.length < HEAD || bytes[0] !== VERSION)
    throw new FleetError('invalid', `open ${name} of the vault: its form is unknown; run a newer hub`)
  try {
    const cipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, 13))
      .setAAD(Buffer.from(name))
      .setAuthTag(bytes.subarray(13, HEAD))
    return Buffer.concat([cipher.update(bytes.subarray(HEAD)), cipher.final()])
  } catch (error) {
    throw new FleetError(
      'invalid',
      `open ${name} of the vault: the master key is not the one of this database; start the hub with the right one`,
      {
        cause: error,
      },
    )
  }
}
