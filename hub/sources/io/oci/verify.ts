import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { z } from 'zod'
import { sha256 } from '../../../../proto/base/hash.ts'
import type { Descriptor } from '../../oci/manifest.ts'
import { FetchFailure } from '../failure.ts'
import { collect } from '../http/body.ts'
import type { Registry } from './registry.ts'

const SIGNATURE = 'dev.cosignproject.cosign/signature'
const MAX_SIGNATURES = 50
const MAX_PAYLOAD_BYTES = 64 << 10

const payloadSchema = z.object({
  critical: z.object({ type: z.string(), image: z.object({ 'docker-manifest-digest': z.string() }) }),
})

/**
 * Throws unless one of the public keys has signed the artifact of this digest, in the way of cosign: its signatures are
 * an artifact beside it, each a layer that names the digest.
 */
export async function verifySignature(
  registry: Registry,
  { digest, signers, what }: { readonly digest: string; readonly signers: readonly string[]; readonly what: string },
): Promise<void> {
  const keys = signers.map(readKey)
  if (keys.length === 0) throw refused("the secret of spec.verify has no public key: a name that ends with '.pub'")
  const layers = await signaturesOf(registry, digest)
  for (const layer of layers.slice(0, MAX_SIGNATURES)) if (await isSigned(registry, layer, { digest, keys })) return
  throw refused(`no matching signatures were found for '${what}'`)
}

async function signaturesOf(registry: Registry, digest: string): Promise<readonly Descriptor[]> {
  try {
    const { layers } = await registry.manifest(await registry.digestOf(`${digest.replace(':', '-')}.sig`))
    return layers
  } catch (error) {
    if (error instanceof FetchFailure && error.failure === 'not-found') return []
    throw error
  }
}

async function isSigned(
  registry: Registry,
  layer: Descriptor,
  { digest, keys }: { readonly digest: string; readonly keys: readonly KeyObject[] },
): Promise<boolean> {
  const signature = layer.annotations?.[SIGNATURE]
  if (signature === undefined || layer.size > MAX_PAYLOAD_BYTES) return false
  const payload = await collect(await registry.blob(layer), MAX_PAYLOAD_BYTES, 'a signature')
  if (sha256(payload) !== layer.digest || signedDigest(payload) !== digest) return false
  return keys.some((key) => verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', payload, key, Buffer.from(signature, 'base64')))
}

function signedDigest(payload: Buffer): string | undefined {
  try {
    return payloadSchema.parse(JSON.parse(payload.toString())).critical.image['docker-manifest-digest']
  } catch {
    return undefined
  }
}

function readKey(pem: string): KeyObject {
  try {
    return createPublicKey(pem)
  } catch (error) {
    throw refused('the secret of spec.verify has a public key that cannot be read', error)
  }
}

function refused(why: string, cause?: unknown): FetchFailure {
  return new FetchFailure('signature', `failed to verify the signature using provider 'cosign': ${why}`, { cause })
}
