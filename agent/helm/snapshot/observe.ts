import { sha256 } from '../../../proto/base/hash.ts'
import type { StoredHook, StoredRelease } from '../../../proto/helm/stored.ts'
import { metaTime } from '../../../proto/model/condition.ts'
import type { HelmReleaseSpec } from '../../../proto/model/flux/helm/helm-release.ts'
import type { Snapshot, TestHook } from '../../mirror/model.ts'
import { goJson, goMap } from '../go/json.ts'
import { configDigest } from './digests.ts'

const TEST = 'test'
/** How digests are taken since Flux releases with Helm 4. Persisted: do not change. */
const SNAPSHOT_VERSION = 'v2'

/**
 * Digest of a stored release as Flux's helm-controller takes it: all of it but the chart's files and the tests. Two
 * equal digests are one release that nobody touched in between. Persisted: do not change.
 */
export function releaseDigest(release: StoredRelease, ociDigest?: string): string {
  const { chart, config, hooks, info, manifest, name, namespace, version } = release
  const kept = hooks.filter(({ events = [] }) => !events.includes(TEST))
  return sha256(
    goJson({
      name,
      version,
      info: {
        first_deployed: info.first_deployed || undefined,
        last_deployed: info.last_deployed || undefined,
        deleted: info.deleted || undefined,
        description: info.description || undefined,
        status: info.status || undefined,
        notes: info.notes || undefined,
      },
      chartMetadata: chartMetadata(chart),
      config: Object.keys(config).length > 0 ? goMap(config) : null,
      manifest,
      hooks: kept.length > 0 ? kept.map(hook) : null,
      namespace,
      ociDigest: ociDigest || undefined,
    }),
  )
}

/** What the status keeps of a release. Tests are told apart: those that ran count only where this agent ran them. */
export function snapshotOf(release: StoredRelease, o: { readonly action: string; readonly ociDigest?: string }): Snapshot {
  const { chart, info } = release
  return {
    apiVersion: SNAPSHOT_VERSION,
    action: o.action,
    appVersion: chart.appVersion ?? '',
    chartName: chart.name,
    chartVersion: chart.version,
    configDigest: configDigest(release.config),
    ...(info.deleted ? { deleted: seconds(info.deleted) } : {}),
    digest: releaseDigest(release, o.ociDigest),
    firstDeployed: seconds(info.first_deployed),
    lastDeployed: seconds(info.last_deployed),
    name: release.name,
    namespace: release.namespace,
    ...(o.ociDigest ? { ociDigest: o.ociDigest } : {}),
    status: info.status,
    version: release.version,
  }
}

/**
 * Whether a snapshot is of a stored release as it stands. One that an older Flux took has a digest of another making: it
 * is taken for the version that it names, as Flux itself takes it.
 */
export function isSnapshotOf(known: Snapshot, stored: StoredRelease): boolean {
  if (known.apiVersion === SNAPSHOT_VERSION) return known.digest === releaseDigest(stored, known.ociDigest)
  return known.name === stored.name && known.namespace === stored.namespace && known.version === stored.version
}

/** The same snapshot with a digest that tells of changes from now on. */
export function renewed(known: Snapshot, stored: StoredRelease): Snapshot {
  if (known.apiVersion === SNAPSHOT_VERSION) return known
  const { action, ociDigest, testHooks } = known
  const { action: _, ...now } = snapshotOf(stored, { action: '', ...(ociDigest ? { ociDigest } : {}) })
  return { ...now, ...(action ? { action } : {}), ...(testHooks ? { testHooks } : {}) }
}

type TestFilters = NonNullable<NonNullable<HelmReleaseSpec['test']>['filters']>

/** The tests of a release that are to run, and how they went, by name; `{}` where there are none. */
export function testHooksOf({ hooks }: StoredRelease, filters: TestFilters = []): Readonly<Record<string, TestHook>> {
  const named = (exclude: boolean) => filters.filter((filter) => (filter.exclude ?? false) === exclude).map(({ name }) => name)
  const [wanted, unwanted] = [named(false), named(true)]
  const isMeant = (name: string) => !unwanted.includes(name) && (wanted.length === 0 || wanted.includes(name))
  const tests = hooks.filter(({ events = [], name }) => events.includes(TEST) && isMeant(name))
  return Object.fromEntries(
    tests.map(({ last_run: run, name }) => [
      name,
      {
        ...(run?.completed_at ? { lastCompleted: seconds(run.completed_at) } : {}),
        ...(run?.started_at ? { lastStarted: seconds(run.started_at) } : {}),
        ...(run?.phase ? { phase: run.phase } : {}),
      },
    ]),
  )
}

function seconds(time: string | undefined): string {
  const at = new Date(time ?? '')
  return metaTime(Number.isNaN(at.getTime()) ? new Date(0) : at)
}

function hook(given: StoredHook & { readonly output_log_policies?: readonly string[] }) {
  const { last_run: run } = given
  return {
    name: given.name || undefined,
    kind: given.kind || undefined,
    path: given.path || undefined,
    manifest: given.manifest || undefined,
    events: some(given.events),
    last_run: { started_at: run?.started_at || undefined, completed_at: run?.completed_at || undefined, phase: run?.phase ?? '' },
    weight: given.weight || undefined,
    delete_policies: some(given.delete_policies),
    output_log_policies: some(given.output_log_policies),
  }
}

const METADATA = [
  'name',
  'home',
  'sources',
  'version',
  'description',
  'keywords',
  'maintainers',
  'icon',
  'apiVersion',
  'condition',
  'tags',
  'appVersion',
  'deprecated',
  'annotations',
  'kubeVersion',
  'dependencies',
  'type',
] as const

function chartMetadata(given: StoredRelease['chart']) {
  const members = METADATA.map((member) => [member, ofMetadata(member, given[member])] as const)
  return Object.fromEntries(members.filter(([, value]) => !isEmpty(value)))
}

function ofMetadata(member: (typeof METADATA)[number], value: unknown): unknown {
  if (member === 'annotations') return goMap(value)
  if (member === 'maintainers') return list(value, ['name', 'email', 'url'])
  return member === 'dependencies' ? list(value, DEPENDENCY) : value
}

const DEPENDENCY = ['name', 'version', 'repository', 'condition', 'tags', 'enabled', 'import-values', 'alias']
/** Written also when they are empty. */
const ALWAYS = ['repository']

function list(value: unknown, members: readonly string[]): unknown {
  if (!Array.isArray(value)) return undefined
  return value.map((one: Readonly<Record<string, unknown>>) => {
    const known = members.map((member) => [member, ALWAYS.includes(member) ? (one[member] ?? '') : goMap(one[member])] as const)
    return Object.fromEntries(known.filter(([member, inner]) => ALWAYS.includes(member) || !isEmpty(inner)))
  })
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true
  if (value instanceof Map) return value.size === 0
  return Array.isArray(value) && value.length === 0
}

function some<T>(values: readonly T[] | undefined): readonly T[] | undefined {
  return values && values.length > 0 ? values : undefined
}
