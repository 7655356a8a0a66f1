import type { AddressPolicy } from './addresses.ts'
import type { SourceCredential } from './credential.ts'
import type { Commit, KindAndOptions, SourceKey, SourceKind, SourceProblem } from './model.ts'
import type { TreeFile } from './tree-file.ts'

/** A source whose turn it is, held by this replica until the claim ends. */
export type ClaimedSource = KindAndOptions & {
  readonly key: SourceKey
  readonly url: string
  readonly credentialId: string | undefined
  readonly trusted: boolean
  /** The only hosts that it may come from; undefined for every one. */
  readonly hosts: readonly string[] | undefined
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly revision: string | undefined
  /** Undefined also when the tree is not stored any more. */
  readonly artifact: string | undefined
  readonly failures: number
}

/** A revision with its tree, ready to be kept. */
export interface NewRevision {
  readonly revision: string
  readonly commit: Commit
  /** What else is told of it: the annotations of an OCI artifact, name and making of a chart. */
  readonly metadata?: Readonly<Record<string, string>>
  readonly files: readonly TreeFile[]
  /** Content by digest, in batches, for the digests that are not stored yet. */
  blobs(digests: readonly string[]): AsyncIterable<readonly Blob[]>
}

export interface Blob {
  readonly digest: string
  readonly bytes: Uint8Array
}

export interface SourceStore {
  /**
   * Up to `limit` sources that are due and that some object asks for, claimed for their own time limit and a margin.
   * A claim whose holder never came back is due again.
   */
  claim(limit: number): Promise<readonly ClaimedSource[]>
  /** Makes those due that are made of the same address and credential as this one: charts of a repository. */
  pokeCharts(key: SourceKey): Promise<void>
  /** Makes sources due at once; one that is being looked at is looked at once more. */
  poke(keys: readonly string[]): Promise<void>
  /** Milliseconds until `claim` would find something; undefined where nothing is waiting. */
  nextDueMs(): Promise<number | undefined>
  /** Keeps tree, revision and the source's state; readers see all of it or nothing. @returns the artifact's digest */
  saveRevision(key: SourceKey, next: NewRevision, lookAgainMs: number): Promise<string>
  saveUnchanged(key: SourceKey, lookAgainMs: number): Promise<void>
  saveProblem(key: SourceKey, problem: SourceProblem, lookAgainMs: number): Promise<void>
  /** Gives back a claim without a result. */
  release(key: SourceKey, lookAgainMs: number): Promise<void>
}

export type FetchRequest = KindAndOptions & {
  readonly key: SourceKey
  readonly url: string
  readonly credentialId: string | undefined
  readonly credential: SourceCredential | undefined
  readonly policy: AddressPolicy
  /** Revision that is stored; nothing is fetched while it is what the ref resolves to. */
  readonly known: string | undefined
  readonly timeoutMs: number
}

export type FetchOutcome =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'fetched'; readonly revision: NewRevision }
  /** `retryAfterMs`: how long the server asks to be left alone. */
  | { readonly kind: 'problem'; readonly problem: SourceProblem; readonly retryAfterMs?: number | undefined }

/** A request for a source of that kind. */
export type RequestOf<Kind extends SourceKind> = Extract<FetchRequest, { readonly kind: Kind }>

export interface Fetcher<Kind extends SourceKind = SourceKind> {
  /** Looks at a source and fetches what is new; what `use` is given is good until its promise settles. */
  fetch<T>(request: RequestOf<Kind>, use: (outcome: FetchOutcome) => Promise<T>, options: { readonly signal: AbortSignal }): Promise<T>
}

/** A tree that is stored: what was fetched before. */
export type StoredTree = Pick<NewRevision, 'files' | 'blobs'>
/** Opens the tree of an artifact; undefined where it is not stored any more. */
export type OpenStored = (artifact: string) => Promise<StoredTree | undefined>

/** Opens a credential for the fetch that needs it; undefined when it is not stored. */
export type OpenCredential = (id: string) => Promise<SourceCredential | SourceProblem | undefined>

/** Told after commit that a source was looked at: its rows say what came of it. */
export type Moved = (key: SourceKey, outcome: FetchOutcome['kind']) => Promise<void>
