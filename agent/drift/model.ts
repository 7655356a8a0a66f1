import type { FleetError } from '../../proto/base/errors.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'

/** The Kustomization an object belongs to, from its owner labels. */
export interface Owner {
  readonly name: string
  readonly namespace: string
}

/** What the agent keeps of a live object it watches: enough to tell a change of ours from one of somebody else's. */
export interface LiveFact {
  readonly uid: string
  readonly resourceVersion: string
  /** Hash over the fields that our field manager owns, and their values. */
  readonly owned: string
  /** True where the live object says that it must not be applied (reconcile disabled, ssa Ignore). */
  readonly excluded: boolean
  /** True where fields belong to managers whose changes are undone (kubectl and the like). */
  readonly foreign: boolean
  readonly owner: Owner | undefined
}

/** What is known of an object without asking the API server. */
export type Known = { readonly kind: 'present'; readonly fact: LiveFact } | { readonly kind: 'unknown' }

/** What was last found in order: this desired object led to this live state. */
export interface Remembered {
  /** Hash of the desired object with owner labels. */
  readonly desired: string
  /** `LiveFact.owned` afterwards. */
  readonly owned: string
}

/** A kind in one namespace, or in all of them and for cluster-scoped kinds with an empty one. */
export interface Scope {
  readonly group: string
  readonly kind: string
  readonly namespace: string
  /** Only this object, whoever owns it. */
  readonly name?: string
  /** The label of everything that is told in the scope; the owner label of Kustomizations where absent. */
  readonly label?: string
}

/** Who wants to hear what watches tell. Objects are passed by, not to be kept. */
export interface LiveListener {
  observed(subject: string, live: Manifest): void
  vanished(subject: string, ref: ObjectRef): void
  /** From now on (or no longer) everything owned in the scope is told. */
  covered(subject: string, scope: Scope, isLive: boolean): void
  /** The scope cannot be watched under this identity: it may not, or the kind is not served. */
  refused(subject: string, scope: Scope, why: FleetError): void
}

/** An object of ours that is not as it was applied. */
export interface Drift {
  readonly subject: string
  readonly ref: ObjectRef
  readonly owner: Owner
  readonly what: 'changed' | 'deleted'
  /** How long to leave it, because somebody keeps changing it. */
  readonly waitMs: number
}

/** One operation of a JSON patch. */
export interface PatchStep {
  readonly op: 'add' | 'remove' | 'replace'
  readonly path: string
  readonly value?: unknown
}

/** How often an object had to be corrected lately. */
export interface Fight {
  readonly rounds: number
  readonly lastAt: Date
}

/** How an object of a release was left when it was looked at. */
export interface Left {
  /** Undefined where it is not there. */
  readonly live?: Manifest
  /** What it should be by a dry-run, where there was one. */
  readonly wanted?: Manifest
  /** JSON pointers to what others may change. */
  readonly ignored?: readonly string[]
}
