import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { makeSigningRequest } from '../../proto/base/signing-request.ts'

/** A key pair and the certificate signing requests that it makes, as an agent has them. */
export interface TestKey {
  /** PEM */
  readonly privateKey: string
  /** SPKI in base64 */
  readonly publicKey: string
  request(subject?: string): Buffer
}

export function createTestKey(): TestKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64'),
    request: (subject = randomBytes(16).toString('hex')) => makeSigningRequest(privateKey, subject),
  }
}
