import { canonicalJson } from '../../base/canonical.ts'
import { sha256 } from '../../base/hash.ts'

export interface PatchTarget {
  readonly group?: string | undefined
  readonly version?: string | undefined
  readonly kind?: string | undefined
  readonly name?: string | undefined
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly annotationSelector?: string | undefined
}

/** What of a Kustomization's spec a build depends on; everything else is the agent's. Equal options give equal bundles of one tree. */
export interface BuildOptions {
  /** Directory in the tree, `.` for its root; normalised, without a leading or trailing slash. */
  readonly path: string
  readonly targetNamespace?: string | undefined
  readonly namePrefix?: string | undefined
  readonly nameSuffix?: string | undefined
  readonly commonMetadata?:
    | {
        readonly labels?: Readonly<Record<string, string>> | undefined
        readonly annotations?: Readonly<Record<string, string>> | undefined
      }
    | undefined
  readonly patches?: readonly { readonly patch: string; readonly target?: PatchTarget | undefined }[] | undefined
  readonly images?:
    | readonly {
        readonly name: string
        readonly newName?: string | undefined
        readonly newTag?: string | undefined
        readonly digest?: string | undefined
      }[]
    | undefined
  readonly components?: readonly string[] | undefined
}

/** The options in a Kustomization's spec; hub and agent compute the same from the same spec. */
export function buildOptions(spec: Partial<BuildOptions>): BuildOptions {
  const { targetNamespace, namePrefix, nameSuffix, commonMetadata, patches, images, components } = spec
  return {
    path: normalisePath(spec.path ?? ''),
    ...(targetNamespace ? { targetNamespace } : {}),
    ...(namePrefix ? { namePrefix } : {}),
    ...(nameSuffix ? { nameSuffix } : {}),
    ...(commonMetadata ? { commonMetadata } : {}),
    ...(patches?.length ? { patches } : {}),
    ...(images?.length ? { images } : {}),
    ...(components?.length ? { components } : {}),
  }
}

/** What a HelmRelease asks for: its chart as it is. Persisted: do not change. */
export const CHART_OPTIONS = { chart: true } as const
export type ChartOptions = typeof CHART_OPTIONS

/** The key under which builds with these options are kept. Persisted: do not change. */
export function optionsDigest(options: BuildOptions | ChartOptions): string {
  return sha256(canonicalJson(options))
}

/** Resolves `.` and `..` inside the tree, as a secure join does: nothing leads above the root. */
function normalisePath(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.length === 0 ? '.' : parts.join('/')
}
