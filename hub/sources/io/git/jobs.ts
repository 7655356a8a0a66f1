import type { AddressPolicy } from '../../addresses.ts'
import type { Commit, GitOptions } from '../../model.ts'
import type { Failure } from '../../problems.ts'
import type { TreeFile } from '../../tree-file.ts'
import type { OpenCredential } from '../open-credential.ts'

// What passes between the hub and its git processes, over IPC: credentials are in no argument, environment or file.

export interface Budget {
  /** Bytes that a server may send in one fetch. */
  readonly maxTransferBytes: number
  readonly maxFiles: number
  readonly maxFileBytes: number
  readonly maxTreeBytes: number
}

export interface FetchJob {
  readonly kind: 'fetch'
  readonly id: number
  /** Folder of the repository's cache. */
  readonly folder: string
  readonly url: string
  readonly options: GitOptions
  readonly credential: OpenCredential
  readonly policy: AddressPolicy
  readonly known: string | undefined
  readonly timeoutMs: number
  readonly budget: Budget
}

export type ToChild =
  | FetchJob
  /** Content of the tree just fetched, by digest. */
  | { readonly kind: 'blobs'; readonly id: number; readonly digests: readonly string[] }
  | { readonly kind: 'end'; readonly id: number }

export type ToParent =
  | { readonly kind: 'ready' }
  | { readonly kind: 'unchanged'; readonly id: number }
  | {
      readonly kind: 'fetched'
      readonly id: number
      readonly revision: string
      readonly commit: Commit
      readonly files: readonly TreeFile[]
    }
  | {
      readonly kind: 'batch'
      readonly id: number
      readonly blobs: readonly { readonly digest: string; readonly bytes: Uint8Array }[]
      readonly last: boolean
    }
  | {
      readonly kind: 'failed'
      readonly id: number
      readonly failure: Failure
      readonly message: string
      readonly retryAfterMs?: number | undefined
    }
