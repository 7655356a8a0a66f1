import type { NatsKeys } from './claims.ts'
import { createNkey, type NkeyKind, nkeyFromSeed } from './nkeys.ts'

type KeyName = 'nats-operator' | 'nats-system' | 'nats-account'
interface StoredKey {
  readonly secret: Uint8Array
  readonly public: string
}
/** The vault's `hubKey`: the stored key of a name, made the first time. */
export type KeyStore = (name: KeyName, make: () => StoredKey) => Promise<StoredKey>

/** The NATS keys of this hub, made and stored the first time. */
export async function loadNatsKeys(stored: KeyStore): Promise<NatsKeys> {
  const load = async (name: KeyName, kind: NkeyKind) => {
    const row = await stored(name, () => {
      const key = createNkey(kind)
      return { secret: Buffer.from(key.seed), public: key.public }
    })
    return nkeyFromSeed(Buffer.from(row.secret).toString())
  }
  return {
    operator: await load('nats-operator', 'operator'),
    system: await load('nats-system', 'account'),
    account: await load('nats-account', 'account'),
  }
}
