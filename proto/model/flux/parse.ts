import type { Manifest } from '../manifest.ts'
import { type Parsed, type ParseOptions, parseResource } from '../resource/parse.ts'
import { type FluxObject, fluxKindOf } from './kinds.ts'
import { KUSTOMIZATION, type Kustomization } from './kustomize/kinds.ts'

const DROP_UNKNOWN: ParseOptions = { strict: false }

/** The manifest as the Flux object that it is, defaults applied as Flux's CRDs do, or every problem with its path. Never throws. */
export function parseFluxObject(manifest: Manifest, options: ParseOptions = DROP_UNKNOWN): Parsed<FluxObject> {
  const kind = fluxKindOf(manifest)
  if (!kind) return { problems: [{ path: 'kind', message: `${manifest.apiVersion} ${manifest.kind} is not a kind of Flux` }] }
  return parseResource(kind, manifest, options) as Parsed<FluxObject>
}

export function parseKustomization(manifest: Manifest, options: ParseOptions = DROP_UNKNOWN): Parsed<Kustomization> {
  return parseResource(KUSTOMIZATION, manifest, options)
}
