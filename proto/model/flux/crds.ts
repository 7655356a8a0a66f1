import type { Manifest } from '../manifest.ts'
import { crd } from '../resource/crd.ts'
import { FLUX_KINDS } from './kinds.ts'

/** The CustomResourceDefinitions of all Flux kinds, under the names and versions that Flux gives them. */
export function fluxCrds(): readonly Manifest[] {
  return FLUX_KINDS.map(crd)
}
