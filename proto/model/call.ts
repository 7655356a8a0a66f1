import type { ObjectRef } from './object-ref.ts'

export const CALL_VERBS = ['create', 'update', 'patch-merge', 'patch-json', 'delete', 'get', 'list', 'diff'] as const
export type CallVerb = (typeof CALL_VERBS)[number]

/** A write (or a read that the mirror cannot answer) that somebody asked for through the hub, carried out in the cluster under `as`. */
export interface Call {
  /** The same call has the same id, however often it is delivered: agents act on it once. */
  readonly id: string
  readonly verb: CallVerb
  readonly object: ObjectRef
  readonly apiVersion: string
  /** ServiceAccount `namespace/name` to impersonate. */
  readonly as: string
  /** JSON: the object, the patch or the delete options. */
  readonly body: Uint8Array
  readonly dryRun: boolean
  /** The cluster's resourceVersion that the caller saw; empty when it does not matter. */
  readonly resourceVersion: string
  readonly fieldManager: string
  /** When nobody waits for the answer any more. */
  readonly deadline: Date
  readonly labelSelector: string
}

/** What became of a call: an HTTP status and the JSON of the object or of a Kubernetes Status. */
export interface Answer {
  readonly id: string
  readonly code: number
  readonly body: Uint8Array
}
