import { createHmac, randomBytes } from 'node:crypto'
import { FleetError } from '../../proto/base/errors.ts'
import { boxKeyPair, open } from '../../proto/base/sealed-box.ts'
import { openAtRest, sealAtRest } from './at-rest.ts'

/** Keys of the hub. Persisted: do not change. */
export const HUB_KEYS = ['ca', 'nats-operator', 'nats-system', 'nats-account', 'nats-system-user', 'credential-id', 'box'] as const
export type HubKeyName = (typeof HUB_KEYS)[number]

/** A key with the half that everybody may know (empty where there is none). */
export interface HubKey {
  readonly secret: Uint8Array
  readonly public: string
}

/** Rows of the vault; sealed bytes go in and come out as they are. */
export interface VaultRows {
  key(name: string): Promise<{ readonly sealed: Uint8Array; readonly public: string } | undefined>
  /** Keeps the first that was added under a name. */
  addKey(name: string, row: { readonly sealed: Uint8Array; readonly public: string }): Promise<void>
  credential(id: string): Promise<Uint8Array | undefined>
  addCredential(row: { readonly id: string; readonly kind: string; readonly sealed: Uint8Array }): Promise<void>
}

/** Where the hub's secrets are kept: sealed in the database, open only in the memory of who needs them. */
export interface Vault {
  /** Public half of the key that agents seal to (X25519, raw). */
  readonly boxKey: Uint8Array
  /** The hub's key of this name, made by `make` the first time; two hubs that start together get the same. */
  hubKey(name: HubKeyName, make: () => HubKey | Promise<HubKey>): Promise<HubKey>
  /** Takes in a credential that an agent sealed, and says under which id it is kept: equal content, equal id. */
  receive(box: Uint8Array, kind: string): Promise<string>
  /** The content of a credential, or undefined when there is none of this id. */
  credential(id: string): Promise<Uint8Array | undefined>
}

const MAX_CREDENTIAL_BYTES = 256 * 1024

export async function openVault({ masterKey, rows }: { readonly masterKey: Uint8Array; readonly rows: VaultRows }): Promise<Vault> {
  const hubKey = (name: HubKeyName, make: () => HubKey | Promise<HubKey>) => loadKey({ masterKey, rows }, name, make)
  const box = await hubKey('box', () => {
    const { publicKey, privateKey } = boxKeyPair()
    return { secret: privateKey, public: Buffer.from(publicKey).toString('base64') }
  })
  const idKey = await hubKey('credential-id', () => ({ secret: randomBytes(32), public: '' }))
  return {
    boxKey: Buffer.from(box.public, 'base64'),
    hubKey,
    async receive(sealedBox, kind) {
      if (sealedBox.length > MAX_CREDENTIAL_BYTES)
        throw new FleetError('too-large', `take in a credential: its box has ${sealedBox.length} bytes`)
      const content = open(box.secret, sealedBox)
      const id = createHmac('sha256', idKey.secret).update(content).digest('hex')
      await rows.addCredential({ id, kind, sealed: sealAtRest(masterKey, `credential ${id}`, content) })
      return id
    },
    async credential(id) {
      const sealed = await rows.credential(id)
      return sealed && openAtRest(masterKey, `credential ${id}`, sealed)
    },
  }
}

async function loadKey(
  { masterKey, rows }: { readonly masterKey: Uint8Array; readonly rows: VaultRows },
  name: HubKeyName,
  make: () => HubKey | Promise<HubKey>,
): Promise<HubKey> {
  let row = await rows.key(name)
  if (!row) {
    const fresh = await make()
    await rows.addKey(name, { public: fresh.public, sealed: sealAtRest(masterKey, `key ${name}`, fresh.secret) })
    row = await rows.key(name)
  }
  if (!row) throw new FleetError('internal', `make the hub's key ${name}: it was not stored`)
  return { public: row.public, secret: openAtRest(masterKey, `key ${name}`, row.sealed) }
}
