import type { Cursor, Fact } from '../../proto/model/facts.ts'
import type { ClusterId } from '../../proto/model/ids.ts'

/** What a member of the fleet has: certificate and NATS user, of the same life. */
export interface Credentials {
  readonly clusterId: ClusterId
  /** PEM */
  readonly certificate: string
  /** PEM */
  readonly ca: string
  readonly notBefore: Date
  readonly notAfter: Date
  readonly natsUrls: readonly string[]
  readonly natsJwt: string
  readonly natsSeed: string
}

/** What the hub says when a session begins. */
export interface Welcome {
  readonly epoch: bigint
  readonly heartbeatMs: number
  /** Public key that credentials are sealed to (X25519, raw). */
  readonly hubKey: Uint8Array
  readonly clusterName: string
  readonly labels: Readonly<Record<string, string>>
  readonly lineage: string
  /** True when what follows is everything there is. */
  readonly full: boolean
}

/** Facts that belong together: all that came up to a place in the hub's numbering. */
export interface FactBatch {
  readonly facts: readonly Fact[]
  readonly cursor: Cursor
  /** True when the facts are all there are: what they do not name is forgotten, which means "no decision" and never a prune. */
  readonly full: boolean
}

/** A bundle as it came, verified against its digest. */
export interface FetchedBundle {
  readonly digest: string
  readonly bytes: Uint8Array
}

/** What the agent says with each heartbeat. */
export interface Pulse {
  /** Last sequence reported per lane. */
  readonly sequences: Readonly<Record<string, bigint>>
  readonly mirrorDigest: string
  readonly mirrorCount: number
}
