import { apiVersionOf } from '../../../proto/model/object-ref.ts'
import type { Served } from '../model.ts'

type Json = Readonly<Record<string, unknown>>

/** Groups that answer questions and store nothing. */
const REVIEWS = [
  { group: 'authorization.k8s.io', version: 'v1', kind: 'SelfSubjectAccessReview', plural: 'selfsubjectaccessreviews' },
  { group: 'authorization.k8s.io', version: 'v1', kind: 'SelfSubjectRulesReview', plural: 'selfsubjectrulesreviews' },
  { group: 'authentication.k8s.io', version: 'v1', kind: 'SelfSubjectReview', plural: 'selfsubjectreviews' },
] as const

/** `GET /api`. */
export function coreVersions(): Json {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
}

/** `GET /apis`. */
export function groupList(resources: readonly Served[]): Json {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(resources).map(({ group, version }) => groupEntry(group, version)) }
}

/** `GET /apis/<group>`, or undefined when nothing is in it. */
export function groupOfName(resources: readonly Served[], name: string): Json | undefined {
  const found = groupsOf(resources).find(({ group }) => group === name)
  return found && { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(found.group, found.version) }
}

/** `GET /apis/<group>/<version>`, or undefined when nothing is in it. */
export function resourceList(resources: readonly Served[], group: string, version: string): Json | undefined {
  const items = entries(resources, group, version).flatMap(({ served: { resource, ...served }, ...known }) => [
    {
      name: resource.plural,
      singularName: served.singular,
      namespaced: resource.namespaced,
      kind: resource.kind,
      verbs: known.verbs,
      ...(resource.shortNames.length > 0 ? { shortNames: resource.shortNames } : {}),
      ...(resource.categories.length > 0 ? { categories: resource.categories } : {}),
    },
    ...served.subresources.map((name) => ({
      name: `${resource.plural}/${name}`,
      singularName: '',
      namespaced: resource.namespaced,
      kind: resource.kind,
      verbs: subresourceVerbs(name),
    })),
  ])
  const reviews = REVIEWS.filter((review) => review.group === group && review.version === version).map(({ kind, plural }) => ({
    name: plural,
    singularName: kind.toLowerCase(),
    namespaced: false,
    kind,
    verbs: ['create'],
  }))
  if (items.length + reviews.length === 0) return undefined
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersionOf(group, version), resources: [...items, ...reviews] }
}

/** Everything in one answer, for `/api` (the core group) and `/apis`: apidiscovery.k8s.io/v2. */
export function aggregated(resources: readonly Served[], legacy: boolean): Json {
  const groups = legacy ? [{ group: '', version: 'v1' }] : groupsOf(resources)
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(({ group, version }) => ({
      metadata: { name: group, creationTimestamp: null },
      versions: [{ version, freshness: 'Current', resources: aggregatedResources(resources, group, version) }],
    })),
  }
}

function aggregatedResources(resources: readonly Served[], group: string, version: string): readonly Json[] {
  const items = entries(resources, group, version).map(({ served, verbs }) => ({
    resource: served.resource.plural,
    responseKind: { group, version, kind: served.resource.kind },
    scope: served.resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: served.singular,
    verbs,
    ...(served.resource.shortNames.length > 0 ? { shortNames: served.resource.shortNames } : {}),
    ...(served.resource.categories.length > 0 ? { categories: served.resource.categories } : {}),
    subresources: served.subresources.map((name) => ({
      subresource: name,
      responseKind: { group, version, kind: served.resource.kind },
      verbs: subresourceVerbs(name),
    })),
  }))
  const reviews = REVIEWS.filter((review) => review.group === group && review.version === version).map(({ kind, plural }) => ({
    resource: plural,
    responseKind: { group, version, kind },
    scope: 'Cluster',
    singularResource: kind.toLowerCase(),
    verbs: ['create'],
  }))
  return [...items, ...reviews]
}

function groupsOf(resources: readonly Served[]): readonly { readonly group: string; readonly version: string }[] {
  const all = [...resources.map(({ resource }) => resource), ...REVIEWS].filter(({ group }) => group !== '')
  return [...new Map(all.map(({ group, version }) => [group, { group, version }])).values()]
}

function groupEntry(group: string, version: string): Json {
  const entry = { groupVersion: apiVersionOf(group, version), version }
  return { name: group, versions: [entry], preferredVersion: entry }
}

function entries(resources: readonly Served[], group: string, version: string) {
  return resources
    .filter(({ resource }) => resource.group === group && resource.version === version)
    .map((served) => ({ served, verbs: [...served.verbs].sort() }))
}

function subresourceVerbs(name: string): readonly string[] {
  return ['diff', 'explain', 'status', 'why'].includes(name) ? ['get'] : ['create']
}
