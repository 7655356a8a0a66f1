import { randomBytes } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { FleetError } from '../../proto/base/errors.ts'
import type { Secret } from '../../proto/base/secret.ts'

const BYTES = 32

/** The key under which everything secret lies in the database, from its text: 64 hex digits or base64 of 32 bytes. */
export function parseMasterKey(text: Secret): Uint8Array {
  const trimmed = text.reveal().trim()
  const key = /^[0-9a-fA-F]{64}$/.test(trimmed) ? Buffer.from(trimmed, 'hex') : Buffer.from(trimmed, 'base64')
  if (key.length !== BYTES) {
    throw new FleetError(
      'invalid',
      `read FLOTILLA_MASTER_KEY: ${key.length} bytes instead of ${BYTES}; make one with "openssl rand -hex 32"`,
    )
  }
  return key
}

/** The key in a file of the data folder, made (for this account alone) the first time. Whoever calls holds the folder's lock. */
export async function masterKeyInFile(path: string): Promise<Uint8Array> {
  const known = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new FleetError('invalid', `read the master key ${path}: ${error.message}`, { cause: error })
  })
  if (known !== undefined) return decode(path, known)
  const key = randomBytes(BYTES)
  await using file = await open(path, 'wx', 0o600)
  await file.writeFile(`${key.toString('hex')}\n`)
  await file.sync()
  return key
}

function decode(path: string, text: string): Uint8Array {
  const key = Buffer.from(text.trim(), 'hex')
  if (key.length === BYTES) return key
  throw new FleetError('invalid', `read the master key ${path}: it is damaged; put back the file that belongs to this database`)
}
