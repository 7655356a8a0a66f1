import type { BuildOptions, ChartOptions } from '../../proto/model/flux/build-options.ts'

/** What a source object is given: an immutable revision and the filtered tree that it names. */
export interface Target {
  readonly revision: string
  /** Digest of the filtered tree. */
  readonly artifact: string
}

/** Build options that some consumer in a due cluster needs an answer for. */
export interface Wanted {
  readonly optionsDigest: string
  readonly options: BuildOptions | ChartOptions
}

/** Why there is no bundle; `reason` is a Flux condition reason. */
export interface BuildProblem {
  readonly reason: string
  readonly message: string
  readonly stalled?: boolean
}

/** What a build came to: the digest of a bundle, or a problem that only another tree or other options can mend. */
export type Built =
  | { readonly optionsDigest: string; readonly bundle: string }
  | { readonly optionsDigest: string; readonly problem: BuildProblem }
