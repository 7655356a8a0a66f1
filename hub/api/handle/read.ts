import { FleetError } from '../../../proto/base/errors.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { CLUSTER_LABEL } from '../../../proto/model/names.ts'
import { matches, type Selector } from '../../../proto/model/selector.ts'
import { ALL_CLUSTERS, type ListQuery, type StoredObject } from '../../objects/model.ts'
import type { ApiResponse, Target } from '../model.ts'
import type { ApiParts } from '../ports.ts'
import { type Look, renderList, renderOne } from '../present/render.ts'
import { refuse } from '../present/status.ts'
import { encodeContinue, fieldEquals, type ListOptions } from '../request/options.ts'
import { missing, type Place } from './place.ts'

type Parts = Pick<ApiParts, 'objects' | 'clusters'>

/** One object by name; in the view over all clusters, every one of that name. */
export async function getObject(
  parts: Parts,
  target: Target,
  { look, place }: { readonly look: Look; readonly place: Place },
): Promise<ApiResponse> {
  const { group, kind } = target.served.resource
  const query: ListQuery = {
    group,
    kind,
    scopes: place.scopes,
    namespaces: place.namespaces,
    names: [target.name],
    labels: [],
    detail: 'full',
  }
  const page = await parts.objects.list(query)
  const objects = await decorated(parts, target, page.objects)
  const [only] = objects
  if (!only) throw refuse(missing(target))
  if (objects.length === 1) return renderOne(only, look)
  return renderList({ objects, resourceVersion: page.resourceVersion }, look)
}

/** A page of objects. Later pages show the present state under the first page's version: a watch from it tells what changed. */
export async function listObjects(
  parts: Parts,
  target: Target,
  { look, options, place }: { readonly look: Look; readonly options: ListOptions; readonly place: Place },
): Promise<ApiResponse> {
  const query = await queryOf(parts, target, { options, place })
  const page = await parts.objects.list({
    ...query,
    limit: options.limit,
    after: options.after,
    detail: look.form === 'object' || look.include === 'Object' ? 'full' : 'slim',
  })
  const resourceVersion = options.after?.resourceVersion ?? page.resourceVersion
  const next = page.next && encodeContinue({ ...page.next, resourceVersion })
  return renderList({ objects: await decorated(parts, target, page.objects), resourceVersion, continue: next }, look)
}

/** What a list or watch looks for. @throws `invalid` for fields that cannot be selected by */
export async function queryOf(
  parts: Pick<Parts, 'clusters'>,
  target: Target,
  { options, place }: { readonly options: ListOptions; readonly place: Place },
): Promise<ListQuery> {
  const unknown = options.fields.find(({ equal, path }) => !equal || !['metadata.name', 'metadata.namespace'].includes(path))
  if (unknown)
    throw new FleetError('invalid', `list: field selector ${unknown.path} is not supported; use metadata.name or metadata.namespace`)
  const { group, kind } = target.served.resource
  const name = target.name || fieldEquals(options.fields, 'metadata.name')
  const namespace = fieldEquals(options.fields, 'metadata.namespace')
  const names = name === undefined ? place.names : place.names ? place.names.filter((own) => own === name) : [name]
  const namespaces = namespace === undefined ? place.namespaces : (place.namespaces ?? [namespace]).filter((own) => own === namespace)
  const { labels, scopes } = await byCluster(parts, target, { labels: options.labels, scopes: place.scopes })
  return { group, kind, scopes, namespaces, names, labels, detail: 'full' }
}

/** The label that says the cluster is put on when served; selecting by it selects clusters. */
async function byCluster(
  { clusters }: Pick<Parts, 'clusters'>,
  { view }: Target,
  given: { readonly labels: Selector; readonly scopes: readonly string[] },
) {
  const asked = given.labels.filter(({ key }) => key === CLUSTER_LABEL)
  if (view.kind !== 'all' || asked.length === 0) return given
  const labels = given.labels.filter(({ key }) => key !== CLUSTER_LABEL)
  const named = asked.find(({ operator }) => operator === 'In')
  const known = given.scopes.includes(ALL_CLUSTERS) ? undefined : given.scopes
  const ids = named ? await clusters.idsOf(named.values) : (known ?? (await clusters.idsOf()))
  const names = await clusters.namesOf(ids)
  const fits = (id: string) => matches(asked, { [CLUSTER_LABEL]: names.get(id) ?? '' })
  return { labels, scopes: ids.filter((id) => fits(id) && (known?.includes(id) ?? true)) }
}

/** Objects as the view shows them: over all clusters, each says which it is of. */
export async function decorated(
  { clusters }: Pick<Parts, 'clusters'>,
  { view }: Target,
  objects: readonly StoredObject[],
): Promise<readonly Manifest[]> {
  if (view.kind !== 'all') return objects.map(({ manifest }) => manifest)
  const names = await clusters.namesOf([...new Set(objects.map(({ scope }) => scope))])
  return objects.map(({ manifest, scope }) => {
    const labels = { ...manifest.metadata.labels, [CLUSTER_LABEL]: names.get(scope) ?? scope }
    return { ...manifest, metadata: { ...manifest.metadata, labels } }
  })
}
