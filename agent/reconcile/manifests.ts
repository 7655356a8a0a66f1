import { parseAllDocuments } from 'yaml'
import { LIKE_GO } from '../../proto/model/go-yaml.ts'
import { isManifest, type Manifest, refOf } from '../../proto/model/manifest.ts'
import { formatRef } from '../../proto/model/object-ref.ts'
import { admitsKind, type LocalPolicy } from '../../proto/model/policy.ts'

const MAX_OBJECTS = 20_000
/** How much aliases may stand for; more is an attack on memory. */
const MAX_ALIASES = 100

type Read = { readonly objects: readonly Manifest[] } | { readonly problem: string }

/** The objects of a bundle, or a sentence on what in it is none. Lists are taken apart. */
export function readManifests(bundle: string): Read {
  // Kustomize writes no aliases: a bundle that has some was not made by it.
  return read(bundle, { merge: false, maxAliasCount: 0 })
}

/** The same of a release's manifest, which holds what the templates of its chart wrote: anchors, aliases and merge keys too. */
export function readReleased(manifest: string): Read {
  return read(manifest, { merge: true, maxAliasCount: MAX_ALIASES })
}

function read(text: string, { maxAliasCount, merge }: { readonly merge: boolean; readonly maxAliasCount: number }): Read {
  const objects: Manifest[] = []
  for (const [index, document] of parseAllDocuments(text, { ...LIKE_GO, merge, logLevel: 'silent' }).entries()) {
    const [error] = document.errors
    if (error) return { problem: `document ${index + 1} of the build is not YAML: ${error.code}` }
    const value: unknown = document.toJS({ maxAliasCount })
    if (value === null || value === undefined) continue
    for (const one of itemsOf(value)) {
      if (!isManifest(one))
        return { problem: `document ${index + 1} of the build is no Kubernetes object: apiVersion, kind or metadata.name is missing` }
      objects.push(one)
    }
    if (objects.length > MAX_OBJECTS) return { problem: `the build has more than ${MAX_OBJECTS} objects` }
  }
  return { objects }
}

/** Why the cluster's own policy keeps some of the objects out, or undefined where it does not. */
export function refuseKinds(objects: readonly Manifest[], policy: LocalPolicy): string | undefined {
  const refused = objects.filter((object) => !admitsKind(policy, refOf(object)))
  if (refused.length === 0) return undefined
  const named = refused.slice(0, 5).map((object) => formatRef(refOf(object)))
  return `the cluster's local policy does not admit ${named.join(', ')}${refused.length > named.length ? ` and ${refused.length - named.length} more` : ''}`
}

/** Flux's own controllers in a bootstrapped repository: kept in the inventory, never applied, corrected or pruned. */
export function isFluxController({ apiVersion, kind, metadata }: Manifest): boolean {
  return (
    apiVersion === 'apps/v1' &&
    kind === 'Deployment' &&
    metadata.namespace === 'flux-system' &&
    metadata.labels?.['app.kubernetes.io/part-of'] === 'flux'
  )
}

function itemsOf(value: unknown): readonly unknown[] {
  const { kind, items } = value as { kind?: unknown; items?: unknown }
  return typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items) ? items : [value]
}
