import { FleetError } from '../../proto/base/errors.ts'
import { FLEET_KINDS } from '../../proto/model/fleet/kinds.ts'
import { FLUX_KINDS } from '../../proto/model/flux/kinds.ts'
import { FLEET_GROUP, SOURCE_GROUP } from '../../proto/model/names.ts'
import type { ResourceKind } from '../../proto/model/resource/kind.ts'

/** The word that flux has for a kind of source: `flux get sources git`. */
const SOURCE_WORDS: Readonly<Record<string, string>> = {
  GitRepository: 'git',
  OCIRepository: 'oci',
  Bucket: 'bucket',
  HelmRepository: 'helm',
  HelmChart: 'chart',
  ExternalArtifact: 'external',
}

export const SOURCES: readonly ResourceKind[] = FLUX_KINDS.filter(({ group }) => group === SOURCE_GROUP)

/** The kind that somebody names, as flux or kubectl would: `kustomization`, `ks`, `kustomizations`, or `source git`. */
export function kindOf(words: readonly string[]): ResourceKind {
  const [first = '', second] = words.map((word) => word.toLowerCase())
  const kind = /^sources?$/.test(first)
    ? SOURCES.find((source) => SOURCE_WORDS[source.kind] === second)
    : [...FLUX_KINDS, ...FLEET_KINDS].find(({ kind: name, plural, shortNames }) =>
        [name.toLowerCase(), plural, ...shortNames].includes(first),
      )
  if (kind) return kind
  throw new FleetError('invalid', `${words.join(' ') || 'nothing'} is no kind; name one such as kustomization, source git, helmrelease`)
}

/**
 * `kustomization apps infra`, `source git podinfo`: a kind, then at least one name.
 * @param verb  the command, for the message
 */
export function namedObjects(verb: string, words: readonly string[]): { readonly kind: ResourceKind; readonly names: readonly string[] } {
  const kindWords = /^sources?$/i.test(words[0] ?? '') ? 2 : 1
  const kind = kindOf(words.slice(0, kindWords))
  const names = words.slice(kindWords)
  if (names.length > 0) return { kind, names }
  throw new FleetError('invalid', `${verb}: say which one: flotilla ${verb} ${words.join(' ')} NAME`)
}

/** Path of a collection, or of one object in it, below the server. */
export function pathOf(
  kind: ResourceKind,
  at: { readonly cluster?: string | undefined; readonly namespace?: string | undefined; readonly name?: string | undefined },
): string {
  const view = at.cluster === undefined ? '' : `/clusters/${encodeURIComponent(at.cluster)}`
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`
  const namespace = kind.namespaced && at.namespace ? `/namespaces/${encodeURIComponent(at.namespace)}` : ''
  return `${view}${root}${namespace}/${kind.plural}${at.name ? `/${encodeURIComponent(at.name)}` : ''}`
}

/** True for kinds that are no cluster's: they live in the hub. */
export function livesInHub({ group }: ResourceKind): boolean {
  return group === FLEET_GROUP
}

/** The view over every cluster that the caller may see. */
export const ALL_CLUSTERS = '-'
