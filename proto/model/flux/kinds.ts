import { groupOf, versionOf } from '../object-ref.ts'
import type { ResourceKind } from '../resource/kind.ts'
import { HELM_RELEASE, type HelmRelease } from './helm/kinds.ts'
import { IMAGE_KINDS, type ImagePolicy, type ImageRepository, type ImageUpdateAutomation } from './image/kinds.ts'
import { KUSTOMIZATION, type Kustomization } from './kustomize/kinds.ts'
import { type Alert, NOTIFICATION_KINDS, type Provider, type Receiver } from './notification/kinds.ts'
import {
  type Bucket,
  type ExternalArtifact,
  type GitRepository,
  type HelmChart,
  type HelmRepository,
  type OCIRepository,
  SOURCE_KINDS,
} from './source/kinds.ts'

/** Every Flux kind: sources, appliers, image automation, notification. */
export const FLUX_KINDS: readonly ResourceKind<FluxKindName>[] = [
  ...SOURCE_KINDS,
  KUSTOMIZATION,
  HELM_RELEASE,
  ...IMAGE_KINDS,
  ...NOTIFICATION_KINDS,
]

/** An object of any Flux kind; `kind` says which. */
export type FluxObject =
  | GitRepository
  | OCIRepository
  | Bucket
  | HelmRepository
  | HelmChart
  | ExternalArtifact
  | Kustomization
  | HelmRelease
  | ImageRepository
  | ImagePolicy
  | ImageUpdateAutomation
  | Provider
  | Alert
  | Receiver
export type FluxKindName = FluxObject['kind']

/** The Flux kind of this name in this group, whatever the version. */
export function fluxKind(group: string, kind: string): ResourceKind<FluxKindName> | undefined {
  return FLUX_KINDS.find((known) => known.group === group && known.kind === kind)
}

/** The Flux kind that an apiVersion and kind name, or undefined: also for versions that Flux has dropped. */
export function fluxKindOf({
  apiVersion,
  kind,
}: {
  readonly apiVersion: string
  readonly kind: string
}): ResourceKind<FluxKindName> | undefined {
  const known = fluxKind(groupOf(apiVersion), kind)
  return known?.version === versionOf(apiVersion) ? known : undefined
}
