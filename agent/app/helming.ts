import { tmpdir } from 'node:os'
import type { Clock } from '../../proto/base/clock.ts'
import type { Log } from '../../proto/base/log.ts'
import type { Random } from '../../proto/base/random.ts'
import type { WorkQueue } from '../../proto/base/work-queue.ts'
import { HelmPool } from '../../proto/helm/pool.ts'
import type { HelmRelease } from '../../proto/model/flux/helm/kinds.ts'
import { fluxKind } from '../../proto/model/flux/kinds.ts'
import { unserved } from '../../proto/model/flux/unserved.ts'
import type { ServiceAccountRef } from '../../proto/model/identities.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { RELEASE_NAME_LABEL } from '../../proto/model/names.ts'
import { type ObjectRef, refKey, versionOf } from '../../proto/model/object-ref.ts'
import { normalize } from '../apply/normalize.ts'
import { decide } from '../cache/decide.ts'
import type { Store } from '../cache/io/store.ts'
import type { AgentConfig } from '../config.ts'
import { correction } from '../drift/correction.ts'
import { differences } from '../drift/diff.ts'
import { ignoredPaths, withoutIgnored } from '../drift/ignore.ts'
import { canBeLate } from '../health/compute.ts'
import { LiveWatches } from '../health/io/watches.ts'
import { awaitReleased } from '../health/released.ts'
import { at } from '../health/rules.ts'
import { HealthWaits } from '../health/waits.ts'
import { leave } from '../helm/action/farewell.ts'
import { attemptOf, targetChange } from '../helm/decision/attempt.ts'
import { requestsOf } from '../helm/decision/requests.ts'
import { openCharts } from '../helm/io/charts.ts'
import { openHelm } from '../helm/io/program.ts'
import { openHelmStorage } from '../helm/io/storage.ts'
import type { Helm, ReadyChart, ReleaseHealth } from '../helm/ports.ts'
import { type ReleaseDeps, release } from '../helm/service.ts'
import { mergeValues } from '../helm/values/merge.ts'
import { toEntries } from '../inventory/model.ts'
import type { KubeConnection } from '../kube/connection.ts'
import { type Subject, serviceAccount } from '../kube/subject.ts'
import type { KubeTarget } from '../kube/target.ts'
import { helmReleaseStatus } from '../mirror/helm-release-status.ts'
import type { Flux } from '../mirror/io/flux.ts'
import type { HelmPlan } from '../reconcile/helm/model.ts'
import { planRelease } from '../reconcile/helm/plan.ts'
import type { Ground, Releases } from '../reconcile/helm/ports.ts'
import { HelmReconciler } from '../reconcile/helm/service.ts'
import { createChartDesk } from '../reconcile/io/chart-desk.ts'
import { readUnwatched } from '../reconcile/io/configs.ts'
import { createReleaseObjects } from '../reconcile/io/release-drift.ts'
import { createReleaseValues } from '../reconcile/io/release-values.ts'
import { createReleaseWatch } from '../reconcile/io/release-watch.ts'
import type { FluxVoice } from '../reconcile/io/voice.ts'
import { readReleased } from '../reconcile/manifests.ts'
import { createWork } from '../reconcile/work.ts'
import type { Reporting } from '../report/io/reporting.ts'
import type { Authority } from '../tenancy/io/authority.ts'
import { openDiffing } from './diffing.ts'
import type { Watching } from './watching.ts'

interface HelmingParts {
  readonly as: (account: ServiceAccountRef) => ReturnType<KubeConnection['as']>
  readonly authority: Authority
  readonly config: AgentConfig
  readonly connection: KubeConnection
  readonly flux: Flux
  readonly reporting: Reporting
  readonly store: Pick<Store<unknown>, 'holdings' | 'bundles'>
  readonly target: KubeTarget
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Releases that are worked on at a time, beside those that only wait for health. */
const RELEASES = 64
/** Helm programs at a time, about 70 MB each while it runs; all at their limit fit into what the agent's pod may use. */
const PROGRAMS = { processes: 4, memoryBytes: 384 << 20 }
const HELM_CONTROLLER = 'helm-controller'

interface HelmingNeeds {
  readonly voice: FluxVoice
  readonly watching: Watching
}

/** What looks after HelmReleases. */
export interface Helming {
  readonly queue: WorkQueue
  /** Something that a release holds, or takes its values from, is not as it was. */
  wake(key: string, waitMs: number): void
}

/** What keeps HelmReleases. They have a queue of their own: an action takes minutes, and nothing else waits for it. */
export function openHelming(parts: HelmingParts, scope: AsyncDisposableStack, needs: HelmingNeeds): Helming {
  const { as, authority, clock, config, flux, random, store, target } = parts
  const { voice, watching } = needs
  const pool = scope.use(new HelmPool({ program: config.programs.helm, ...PROGRAMS }))
  const run = openHelm({ target, pool })
  const helm: Helm = {
    history: (of, { account, signal }) => openHelmStorage(as(account)).history(of, signal),
    markFailed: (stored, { account, ...o }) => openHelmStorage(as(account)).markFailed(stored, o),
    write: (records, { account, signal }) => openHelmStorage(as(account)).write(records, signal),
    run: (action, { account, ...limits }) => run(serviceAccount(account.namespace, account.name)).run(action, limits),
  }
  const memory = watching.releases
  const objects = createReleaseObjects({ as, memory, read: readReleased, normalize, differences, ignoredPaths, withoutIgnored, correction })
  const deps: ReleaseDeps = {
    ...{ helm, clock, drift: objects, health: openReleaseHealth(parts, scope) },
    objectsOf: async (stored, o) => releasedOf(await objects.of(stored, o)),
  }
  const charts = openCharts({ bytes: (digest, signal) => store.bundles.get(digest, signal), tempDir: tmpdir() })
  const releases: Releases<ReadyChart> = {
    chart: (o) => charts.get(o),
    values: createReleaseValues({ configs: watching.configs, merge: mergeValues }),
    targetChange,
    attempt: attemptOf,
    forces: (object) => requestsOf(object).forces,
    release: (job) => release(deps, job),
    leave: (o) => leave(deps, o),
  }
  const plan = (object: HelmRelease) => planOf(parts, object)
  const held = () => (mayAct(authority) ? undefined : 'Flotilla does not act on releases in this cluster')
  const values = createReleaseValues({ configs: readUnwatched(as), merge: mergeValues })
  flux.desk.answerDiffs(openDiffing({ as, flux, helm, releases: { ...releases, values }, objects, plan, held, clock }))
  const reconciler = new HelmReconciler<ReadyChart>({
    ...{ voice, releases, clock, random, status: helmReleaseStatus, ground: groundOf(parts) },
    watch: watchOf(parts, needs),
    charts: createChartDesk({
      as,
      identify: (namespace, leaving) => authority.identify({ namespace, serviceAccountName: undefined }, leaving),
      wrote: (manifest) => flux.mirror.put(manifest),
    }),
    view: {
      release: (key) => flux.helmRelease(key),
      plan,
      chart: (ref) => flux.mirror.get(ref)?.manifest,
    },
  })
  const queue = scope.use(queueOf(parts, reconciler))
  return {
    queue,
    wake(key, waitMs) {
      reconciler.wake(key, waitMs)
      queue.add(key, waitMs)
    },
  }
}

function queueOf({ authority, clock, flux, log, random, reporting }: HelmingParts, reconciler: HelmReconciler<ReadyChart>): WorkQueue {
  return createWork({
    kinds: { HelmRelease: (key, signal, rest) => reconciler.reconcile(key, signal, rest) },
    other: async () => undefined,
    mayAct: () => mayAct(authority),
    leftAlone(key) {
      reconciler.forget(key)
      const object = flux.helmRelease(key)
      if (object) reporting.applied.leftAlone(refOf(object), object.metadata.uid ?? '')
    },
    ...{ concurrency: RELEASES, clock, random, log },
  })
}

/** The objects of a manifest, and what an inventory says of them. */
function releasedOf(manifests: readonly Manifest[]): Awaited<ReturnType<ReleaseDeps['objectsOf']>> {
  const objects = manifests.map((one) => {
    const isLabelled = one.metadata.labels?.[RELEASE_NAME_LABEL] !== undefined
    const isPassing = one.kind === 'Job' && at(one, 'spec', 'ttlSecondsAfterFinished') !== undefined
    return { ref: refOf(one), apiVersion: one.apiVersion, isLabelled, isPassing }
  })
  return { objects, entries: toEntries(objects.map(({ apiVersion, ref }) => ({ ref, version: versionOf(apiVersion) }))) }
}

function watchOf({ as, reporting }: HelmingParts, { watching }: HelmingNeeds) {
  const { configs, releases, sighted, waits, watches, written } = watching
  return createReleaseWatch({
    ...{ as, memory: releases, configs, watches, waits, seen: written, sighted, canBeLate },
    isFlux: ({ group, kind }) => fluxKind(group, kind) !== undefined,
    follow: (applied, changed, watch) => reporting.applied.follow(applied, changed, watch),
  })
}

/** Watches of what releases are waited for, by the label of their origin; without a wait there is none. */
function openReleaseHealth({ as, clock, connection, log, random }: HelmingParts, scope: AsyncDisposableStack): ReleaseHealth {
  const waits: HealthWaits = new HealthWaits({ clock, watches: () => watches, keeps: 'awaited' })
  const deps = { as: (subject: string) => connection.as(subject as Subject), listeners: [waits], clock, random, log }
  const watches = scope.use(new LiveWatches({ ...deps, label: RELEASE_NAME_LABEL }))
  return {
    wait: (objects, { account, ...o }) => awaitReleased(waits, { subject: as(account).subject, objects }, o),
  }
}

function mayAct({ rules }: Authority): boolean {
  return rules.adoption().kind === 'acting' && !rules.runs(HELM_CONTROLLER)
}

function planOf({ authority, flux, store }: HelmingParts, object: HelmRelease): HelmPlan {
  const { metadata, spec } = object
  const namespace = metadata.namespace ?? ''
  const holdings = store.holdings.current()
  return planRelease({
    object,
    unserved: unserved(object),
    identity: authority.identify({ namespace, serviceAccountName: spec.serviceAccountName }, metadata.deletionTimestamp !== undefined),
    refuseReference: (other) => authority.refuseReference(namespace, other),
    source: (ref) => flux.mirror.get(ref)?.manifest,
    verdict: (consumer) => decide(holdings, consumer),
    release: (ref) => flux.helmRelease(refKey(ref)),
    revisionOf: (source: ObjectRef) => holdings.releases.get(refKey(source))?.revision,
  })
}

function groundOf({ connection }: HelmingParts): Ground {
  const { own } = connection
  const namespaceExists: Ground['namespaceExists'] = async (name, signal) => {
    const home = await own.get({ apiVersion: 'v1', kind: 'Namespace', name }, { signal })
    return home !== undefined && !home.metadata.deletionTimestamp
  }
  return {
    namespaceExists,
    async accountExists({ namespace, name }, signal) {
      if (!(await namespaceExists(namespace, signal))) return false
      return (await own.get({ apiVersion: 'v1', kind: 'ServiceAccount', namespace, name }, { signal })) !== undefined
    },
  }
}
