import type { Condition } from '../../proto/model/condition.ts'
import { parseDurationMs } from '../../proto/model/duration.ts'
import { type BuildOptions, buildOptions, CHART_OPTIONS, optionsDigest } from '../../proto/model/flux/build-options.ts'
import { chartSourceOf } from '../../proto/model/flux/helm/chart-source.ts'
import { parseFluxObject } from '../../proto/model/flux/parse.ts'
import type { ClusterId } from '../../proto/model/ids.ts'
import { refOf } from '../../proto/model/manifest.ts'
import { REQUESTED_AT, SOURCE_GROUP } from '../../proto/model/names.ts'
import { groupOf, type ObjectRef, refKey } from '../../proto/model/object-ref.ts'
import type { MirroredReport } from '../../proto/model/report.ts'
import type {
  ChartCredential,
  ClusterReport,
  ConsumerRow,
  ObservedRow,
  Projection,
  Received,
  SourceObjectRow,
  SourceSighting,
} from './model.ts'
import type { Owner, SourceOf } from './ports.ts'

export interface ProjectOptions {
  readonly sourceOf: SourceOf
  /** Whose namespaces are, as far as there are source objects in them. */
  readonly owners: ReadonlyMap<string, Owner>
  /** Ids of the credentials that came with the reports, by the sealed box. */
  readonly credentials: ReadonlyMap<Uint8Array, string>
}

/** What a batch of reports, oldest first, comes to. Later reports of an object replace earlier ones; nothing is merged. */
export function project(news: readonly Received[], options: ProjectOptions): Projection {
  const mirrors = new Map<string, ClusterReport<MirroredReport>>()
  const deletions = new Map<string, Projection['deletions'][number]>()
  const lists = new Map<string, Projection['lists'][number]>()
  for (const { clusterId, report } of news) {
    for (const value of report.objects) {
      const key = `${clusterId}/${refKey(value.ref)}`
      mirrors.set(key, { clusterId, value })
      deletions.delete(key)
    }
    for (const value of report.deletions) {
      const key = `${clusterId}/${refKey(value.ref)}`
      mirrors.delete(key)
      deletions.set(key, { clusterId, value })
    }
    if (report.list?.last) lists.set(clusterId, { clusterId, value: report.list.listed })
  }
  const objects = [...mirrors.values()]
  return {
    mirrors: objects,
    deletions: [...deletions.values()],
    lists: [...lists.values()],
    consumers: objects.flatMap((one) => consumerOf(one) ?? []),
    charts: objects.filter(({ value }) => value.ref.kind === CHART).map((one) => chartCredential(one, options)),
    sourceObjects: objects.filter(({ value }) => value.ref.kind !== CHART).flatMap((one) => sourceObjectOf(one, options) ?? []),
    observed: objects.map(observedOf),
    reached: lastOf(news, 'reached', (one) => refKey(one.source)),
    stragglers: lastOf(news, 'stragglers', (one) => refKey(one.object)),
    events: lastOf(news, 'events', (one) => one.id),
    tenants: lastOf(news, 'tenants', (one) => one.tenant),
    placed: lastOf(news, 'placed', (one) => refKey(one.object)),
    applied: lastOf(news, 'applied', (one) => refKey(one.object)),
  }
}

/** Charts take their address from another object, so that what is fetched for them is found out when that is known. */
const CHART = 'HelmChart'
const BUILT_FROM: readonly string[] = ['GitRepository', 'OCIRepository', 'Bucket']

/** What a Kustomization or HelmRelease asks for; undefined for other kinds, and while its spec cannot be read. */
function consumerOf({ clusterId, value }: ClusterReport<MirroredReport>): ConsumerRow | undefined {
  const parsed = CONSUMERS.includes(value.ref.kind) ? parseFluxObject(value.manifest) : { problems: [] }
  if ('problems' in parsed) return undefined
  const { object } = parsed
  if (object.kind === 'HelmRelease') {
    const source = chartSourceOf(object)
    return source && consumer({ clusterId, value, source, options: CHART_OPTIONS, suspended: object.spec.suspend === true })
  }
  if (object.kind !== 'Kustomization' || !BUILT_FROM.includes(object.spec.sourceRef.kind)) return undefined
  const { sourceRef, suspend } = object.spec
  const source = { kind: sourceRef.kind, namespace: sourceRef.namespace ?? value.ref.namespace, name: sourceRef.name }
  return consumer({ clusterId, value, source, options: buildOptions(object.spec), suspended: suspend === true })
}

const CONSUMERS: readonly string[] = ['Kustomization', 'HelmRelease']

function consumer(one: {
  readonly clusterId: string
  readonly value: MirroredReport
  readonly source: Pick<ObjectRef, 'kind' | 'namespace' | 'name'>
  readonly options: BuildOptions | typeof CHART_OPTIONS
  readonly suspended: boolean
}): ConsumerRow {
  const { clusterId, options, source, suspended, value } = one
  return {
    clusterId,
    ...value.ref,
    sourceKind: source.kind,
    sourceNamespace: source.namespace,
    sourceName: source.name,
    optionsDigest: optionsDigest(options),
    options,
    suspended,
  }
}

function chartCredential({ clusterId, value }: ClusterReport<MirroredReport>, { credentials }: ProjectOptions): ChartCredential {
  const { credentialProblem, ref, sealedCredential } = value
  const credentialId = sealedCredential && credentials.get(sealedCredential)
  return { clusterId, namespace: ref.namespace, name: ref.name, credentialId, credentialProblem }
}

function sourceObjectOf({ clusterId, value }: ClusterReport<MirroredReport>, options: ProjectOptions): SourceObjectRow | undefined {
  const { credentialProblem, generation, manifest, sealedCredential } = value
  const credentialId = sealedCredential && options.credentials.get(sealedCredential)
  return sourceObject({ clusterId, generation, manifest, credentialId, credentialProblem }, options)
}

/** What is fetched for a source object; undefined where nothing ever is. */
export function sourceObject(
  sighting: SourceSighting,
  { owners, sourceOf }: Pick<ProjectOptions, 'owners' | 'sourceOf'>,
): SourceObjectRow | undefined {
  const { clusterId, credentialId, credentialProblem, generation, manifest } = sighting
  const { kind, name, namespace } = refOf(manifest)
  if (groupOf(manifest.apiVersion) !== SOURCE_GROUP) return undefined
  const found = sourceOf(sighting, owners.get(namespace))
  if (!found) return undefined
  const source = 'key' in found ? found : undefined
  const spec = manifest.spec as { readonly suspend?: boolean; readonly interval?: string } | undefined
  return {
    clusterId,
    kind,
    namespace,
    name,
    generation,
    suspended: spec?.suspend === true,
    intervalMs: source?.intervalMs ?? parseDurationMs(spec?.interval ?? '') ?? 60_000,
    requestedAt: manifest.metadata.annotations?.[REQUESTED_AT] ?? '',
    source: credentialProblem ? undefined : source,
    problem: credentialProblem ?? ('problem' in found ? found.problem : undefined),
    credentialId,
    credentialProblem,
  }
}

function observedOf({ clusterId, value }: ClusterReport<MirroredReport>): ObservedRow {
  const { status, spec } = value.manifest as { status?: { conditions?: readonly Condition[] }; spec?: { suspend?: boolean } }
  const ready = status?.conditions?.find((condition) => condition.type === 'Ready')
  return {
    clusterId,
    ...value.ref,
    generation: value.generation,
    ready: ready?.status ?? 'Unknown',
    reason: ready?.reason ?? '',
    message: ready?.message ?? '',
    suspended: spec?.suspend === true,
  }
}

type Repeated = 'applied' | 'placed' | 'reached' | 'stragglers' | 'events' | 'tenants'

function lastOf<K extends Repeated>(
  news: readonly Received[],
  member: K,
  keyOf: (value: Received['report'][K][number]) => string,
): readonly ClusterReport<Received['report'][K][number]>[] {
  const out = new Map<string, { readonly clusterId: ClusterId; readonly value: Received['report'][K][number] }>()
  for (const { clusterId, report } of news)
    for (const value of report[member]) out.set(`${clusterId}/${keyOf(value)}`, { clusterId, value })
  return [...out.values()]
}
