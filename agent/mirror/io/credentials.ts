import { canonicalJson } from '../../../proto/base/canonical.ts'
import { FleetError, messageOf } from '../../../proto/base/errors.ts'
import { hmac } from '../../../proto/base/hash.ts'
import { seal } from '../../../proto/base/sealed-box.ts'
import type { FactProblem } from '../../../proto/model/facts.ts'
import type { SourceObject } from '../../../proto/model/flux/source/kinds.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import type { ImpersonatedKube } from '../../kube/model.ts'
import { credentialIn, type SecretUse, secretsOf } from '../credential.ts'

/** What the hub is told of a source object's credential. */
export interface ReportedCredential {
  readonly sealedCredential: Uint8Array | undefined
  readonly credentialProblem: FactProblem | undefined
  /** Equal for equal content sealed to an equal key; tells nothing of it. */
  readonly hash: string
}

export interface CredentialDeps {
  readonly as: (account: ServiceAccountRef) => ImpersonatedKube
  /** As whom a namespace's sources act. */
  readonly identify: (
    namespace: string,
  ) => { readonly kind: 'account'; readonly account: ServiceAccountRef } | { readonly kind: 'refused'; readonly message: string }
  /** Key of the fingerprints: random bytes of this process. */
  readonly fingerprintKey: Uint8Array
}

/** The credentials of source objects, sealed for the hub: plain text is kept nowhere. */
export interface Credentials {
  /** The hub's public key; a new one means that all is sealed anew. */
  sealTo(hubKey: Uint8Array): void
  /** The credential as it was read last; read now where it was not yet. */
  of(key: string, object: SourceObject, signal: AbortSignal): Promise<ReportedCredential>
  /** Reads the Secret again. @returns true when there is something new to tell */
  refresh(key: string, object: SourceObject, signal: AbortSignal): Promise<boolean>
  forget(key: string): void
}

const NONE: ReportedCredential = { sealedCredential: undefined, credentialProblem: undefined, hash: '' }

export function createCredentials(deps: CredentialDeps): Credentials {
  const known = new Map<string, ReportedCredential & { readonly secrets: string }>()
  let hubKey: Uint8Array | undefined

  const read = async (object: SourceObject, signal: AbortSignal) => ({
    ...(await reported(object, signal)),
    secrets: namesOf(object),
  })
  const reported = async (object: SourceObject, signal: AbortSignal): Promise<ReportedCredential> => {
    const uses = secretsOf(object)
    if (uses.length === 0 || hubKey === undefined) return NONE
    const content = await readSecrets(deps, { namespace: object.metadata.namespace ?? '', uses }, signal)
    if ('problem' in content) {
      const credentialProblem = { reason: 'AuthenticationFailed', message: content.problem, stalled: false }
      return { sealedCredential: undefined, credentialProblem, hash: content.problem }
    }
    return {
      sealedCredential: seal(hubKey, Buffer.from(content.json)),
      credentialProblem: undefined,
      hash: hmac(Buffer.concat([deps.fingerprintKey, hubKey]), content.json),
    }
  }
  return {
    sealTo(next) {
      if (hubKey && Buffer.from(hubKey).equals(next)) return
      hubKey = next
      known.clear()
    },
    async of(key, object, signal) {
      const held = known.get(key)
      const found = held && held.secrets === namesOf(object) ? held : await read(object, signal)
      known.set(key, found)
      return found
    },
    async refresh(key, object, signal) {
      const before = known.get(key)
      const now = await read(object, signal)
      if (before?.hash === now.hash) return false
      known.set(key, now)
      return before !== undefined || now.hash !== ''
    },
    forget: (key) => void known.delete(key),
  }
}

function namesOf(object: SourceObject): string {
  return secretsOf(object)
    .map(({ name, under = '' }) => `${under}${name}`)
    .join(' ')
}

/** What is taken of all the Secrets, as one document; the first that cannot be had says why. */
async function readSecrets(
  deps: CredentialDeps,
  { namespace, uses }: { readonly namespace: string; readonly uses: readonly SecretUse[] },
  signal: AbortSignal,
): Promise<{ readonly json: string } | { readonly problem: string }> {
  let taken: Readonly<Record<string, string>> = {}
  for (const use of uses) {
    const found = await readSecret(deps, { namespace, use }, signal)
    if ('problem' in found) return found
    taken = { ...taken, ...found.taken }
  }
  return { json: canonicalJson(taken) }
}

async function readSecret(
  { as, identify }: CredentialDeps,
  { namespace, use }: { readonly namespace: string; readonly use: SecretUse },
  signal: AbortSignal,
): Promise<{ readonly taken: Readonly<Record<string, string>> } | { readonly problem: string }> {
  const { name } = use
  const attempted = `failed to get secret '${namespace}/${name}'`
  const identity = identify(namespace)
  if (identity.kind === 'refused') return { problem: `${attempted}: ${identity.message}` }
  try {
    const secret = await as(identity.account).get({ apiVersion: 'v1', kind: 'Secret', namespace, name }, { signal })
    if (!secret) return { problem: `${attempted}: secrets "${name}" not found` }
    return { taken: credentialIn((secret.data ?? {}) as Readonly<Record<string, unknown>>, use) }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof FleetError && (error.code === 'forbidden' || error.code === 'unauthenticated'))
      return { problem: `${attempted}: ${messageOf(error)}` }
    throw error
  }
}
