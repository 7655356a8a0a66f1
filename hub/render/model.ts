import type { BuildOptions, ChartOptions } from '../../proto/model/flux/build-options.ts'

/** Options to build a tree with, under the digest that names them. */
export interface Wanted {
  readonly optionsDigest: string
  readonly options: BuildOptions | ChartOptions
}

/** Why there is no bundle; `reason` is a Flux condition reason. */
export interface RenderProblem {
  readonly reason: 'BuildFailed' | 'ArtifactFailed'
  readonly message: string
  readonly stalled?: boolean
}

/** What a build came to: the digest of a bundle, or why there is none. */
export type Built =
  | { readonly optionsDigest: string; readonly bundle: string }
  | { readonly optionsDigest: string; readonly problem: RenderProblem }
