import { sha256 } from '../../proto/base/hash.ts'
import type { FactProblem } from '../../proto/model/facts.ts'
import { withoutRevision } from '../../proto/model/flux/revision.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import type { MirroredReport } from '../../proto/model/report.ts'

export interface Described {
  /** As the hub is to see it, but for its status. */
  readonly stripped: Manifest
  /** Text that is equal for equal reports. */
  readonly key: string
  readonly credential: {
    readonly sealedCredential: Uint8Array | undefined
    readonly credentialProblem: FactProblem | undefined
    readonly hash: string
  }
}

/** An object as the hub is told of it: its status without what follows from the revision. */
export function describeObject({ stripped, key, credential }: Described): MirroredReport & { readonly hash: string } {
  const { metadata, kind, status } = stripped
  return {
    ref: refOf(stripped),
    uid: metadata.uid ?? '',
    generation: metadata.generation ?? 0,
    resourceVersion: metadata.resourceVersion ?? '',
    manifest: status === undefined ? stripped : { ...stripped, status: withoutRevision(kind, status).status },
    sealedCredential: credential.sealedCredential,
    credentialProblem: credential.credentialProblem,
    hash: sha256(`${key}\n${credential.hash}`),
  }
}
