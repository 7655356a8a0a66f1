import type { HelmStatus } from '../../proto/helm/protocol.ts'
import type { StoredRelease } from '../../proto/helm/stored.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'

/** Values of a chart, as JSON has them. */
export type Values = Readonly<Record<string, unknown>>

/** Where a release is kept and where its objects go. */
export interface ReleaseTarget {
  readonly name: string
  readonly namespace: string
  readonly storageNamespace: string
}

/** An object of a release, as its manifest has it. */
export interface ReleasedObject {
  readonly ref: ObjectRef
  readonly apiVersion: string
  /** True where it carries the labels of origin, so that a shared watch tells of it. */
  readonly isLabelled: boolean
  /** True for a Job that goes by itself when it is done: that it is not there says nothing. */
  readonly isPassing: boolean
}

/** What was last found of a release, beside what it should be. */
export type ReleaseState =
  | { readonly kind: 'absent' | 'unmanaged' | 'out-of-sync' | 'failed' | 'locked'; readonly reason: string }
  | { readonly kind: 'untested' | 'in-sync' }

/** The one thing to do next. */
export type NextAction =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'unlock' }
  | { readonly kind: 'install' | 'upgrade' | 'test' }
  /** Takes back a failure. */
  | { readonly kind: 'rollback'; readonly to: number }
  | { readonly kind: 'uninstall' }
  /** Only a change, or a request, can help. */
  | { readonly kind: 'stalled'; readonly reason: 'RetriesExceeded' | 'MissingRollbackTarget'; readonly message: string }

/** What is written of one version in Helm's storage. */
export interface ReleaseRecord {
  readonly stored: StoredRelease
  readonly status: HelmStatus
  /** Absent where it stays as it is. */
  readonly description?: string
}
