import { groupOf } from '../object-ref.ts'
import type { ResourceKind } from '../resource/kind.ts'
import { KUSTOMIZATION, type Kustomization } from './kustomize/kinds.ts'
import { GIT_REPOSITORY, type GitRepository } from './source/kinds.ts'

/** Every Flux kind, in the order of Flux's own documentation. */
export const FLUX_KINDS = [GIT_REPOSITORY, KUSTOMIZATION] as const satisfies readonly ResourceKind[]

/** An object of any Flux kind; `kind` says which. */
export type FluxObject = GitRepository | Kustomization
export type FluxKindName = FluxObject['kind']

/** The Flux kind of this name in this group, whatever the version. */
export function fluxKind(group: string, kind: string): (typeof FLUX_KINDS)[number] | undefined {
  return FLUX_KINDS.find((known) => known.group === group && known.kind === kind)
}

/** The Flux kind that an apiVersion and kind name, or undefined: also for versions that Flux has dropped. */
export function fluxKindOf({
  apiVersion,
  kind,
}: {
  readonly apiVersion: string
  readonly kind: string
}): (typeof FLUX_KINDS)[number] | undefined {
  const known = fluxKind(groupOf(apiVersion), kind)
  return known && `${known.group}/${known.version}` === apiVersion ? known : undefined
}
