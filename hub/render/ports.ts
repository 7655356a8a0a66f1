import type { BuildResult } from '../../proto/kustomize/build.ts'
import type { Read } from '../../proto/kustomize/reads.ts'
import type { TreeReader } from '../../proto/kustomize/tree.ts'
import type { BuildOptions } from '../../proto/model/flux/build-options.ts'
import type { Built } from './model.ts'

/** A build that is stored: what it read, and what came of it. */
export interface KnownBuild {
  readonly readsDigest: string
  readonly reads: readonly Read[]
  readonly built: Built
}

/** A build to store; bundles come with their bytes. */
export interface NewBuild {
  readonly readsDigest: string
  /** As `encodeReads` writes them. */
  readonly reads: string
  readonly built: Built
  readonly bytes?: Uint8Array
}

/** A stored build that answers what was asked. */
export interface UsedBuild {
  readonly optionsDigest: string
  readonly readsDigest: string
  readonly bundle: string | undefined
}

export interface RenderStore {
  /** The builds known for these options, the most recently used first. */
  known(optionsDigests: readonly string[]): Promise<ReadonlyMap<string, readonly KnownBuild[]>>
  /** Stores builds and their bundles, all or none. */
  save(builds: readonly NewBuild[]): Promise<void>
  /** Says that these are in use, so that no sweep takes them. */
  touch(builds: readonly UsedBuild[]): Promise<void>
}

export interface Trees {
  /** The tree of an artifact; undefined when it is not stored. */
  open(artifact: string, signal: AbortSignal): Promise<TreeReader | undefined>
}

export interface Layers {
  /** What is in the layer that the tree is nothing but, or why it cannot be unpacked; any other tree as it is. */
  unpacked(tree: TreeReader, signal: AbortSignal): Promise<TreeReader | { readonly problem: string }>
}

/** Visits the files of a layer; answers why it cannot be unpacked, where that is so. */
export type ReadLayer = (
  layer: Uint8Array,
  visit: (path: string, content: Uint8Array) => void,
  signal: AbortSignal,
) => Promise<{ readonly problem: string } | undefined>

/** Makes the archive of a chart of a tree. */
export type PackChart = (tree: TreeReader, signal: AbortSignal) => Promise<PackedChart>

export type PackedChart =
  | { readonly reads: readonly Read[]; readonly archive: Uint8Array }
  | { readonly reads: readonly Read[]; readonly problem: string }

/** Builds one kustomization of a tree. */
export type Build = (tree: TreeReader, options: BuildOptions, signal: AbortSignal) => Promise<BuildResult>
