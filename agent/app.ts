import { join } from 'node:path'
import { type Clock, systemClock } from '../proto/base/clock.ts'
import { FleetError } from '../proto/base/errors.ts'
import { lockFolder } from '../proto/base/folder-lock.ts'
import { type Log, openLog } from '../proto/base/log.ts'
import { type Random, systemRandom } from '../proto/base/random.ts'
import type { WorkQueue } from '../proto/base/work-queue.ts'
import { fluxKindOf } from '../proto/model/flux/kinds.ts'
import type { Kustomization } from '../proto/model/flux/kustomize/kinds.ts'
import { progressMessage } from '../proto/model/flux/progress.ts'
import { unserved } from '../proto/model/flux/unserved.ts'
import type { ServiceAccountRef } from '../proto/model/identities.ts'
import { refOf } from '../proto/model/manifest.ts'
import { refKey } from '../proto/model/object-ref.ts'
import type { AppliedObject } from '../proto/model/report.ts'
import { VERSION } from '../proto/model/version.ts'
import { openHelming } from './app/helming.ts'
import { openPlacing } from './app/placing.ts'
import { describeChanges } from './apply/changeset.ts'
import { openApplyCluster } from './apply/io/cluster.ts'
import { compareOrder } from './apply/order.ts'
import { createApply } from './apply/service.ts'
import { decide } from './cache/decide.ts'
import type { Touched } from './cache/hold.ts'
import { openStore, type Store } from './cache/io/store.ts'
import type { AgentConfig } from './config.ts'
import { differences } from './drift/diff.ts'
import { desiredHash, factOf, isExcluded } from './drift/facts.ts'
import { takeOver } from './drift/managers.ts'
import { DriftMemory, type StoredMemory } from './drift/memory.ts'
import { computeHealth } from './health/compute.ts'
import { LiveWatches } from './health/io/watches.ts'
import { describeUnhealthy } from './health/verdict.ts'
import { HealthWaits } from './health/waits.ts'
import { stale, union } from './inventory/algebra.ts'
import { openPruneCluster } from './inventory/io/cluster.ts'
import { fromEntries, toEntries } from './inventory/model.ts'
import { awaitGone, prune } from './inventory/service.ts'
import { type KubeConnection, openKube } from './kube/connection.ts'
import { type Subject, serviceAccount } from './kube/subject.ts'
import { inClusterTarget, type KubeTarget, kubeconfigTarget } from './kube/target.ts'
import { secretsOf } from './mirror/credential.ts'
import { type Flux, openFlux } from './mirror/io/flux.ts'
import { kustomizationStatus } from './mirror/kustomization-status.ts'
import type { MirroredObject } from './mirror/model.ts'
import { sourceStatus } from './mirror/source-status.ts'
import { unservedStatus } from './mirror/unserved-status.ts'
import type { Placed } from './placed/io/open.ts'
import { awaitedItems } from './reconcile/awaited.ts'
import { createCoverage } from './reconcile/io/coverage.ts'
import { createPrepare } from './reconcile/io/prepare.ts'
import { createVoice, type FluxVoice } from './reconcile/io/voice.ts'
import { createWorkload } from './reconcile/io/workload.ts'
import { wordForOther } from './reconcile/other-kinds.ts'
import { plan } from './reconcile/plan.ts'
import { timeoutMs } from './reconcile/schedule.ts'
import { Reconciler } from './reconcile/service.ts'
import { createSourceReconciler } from './reconcile/sources.ts'
import { isFrom } from './reconcile/triggers.ts'
import { createWaking, type Waking } from './reconcile/waking.ts'
import { createWork } from './reconcile/work.ts'
import { openEventJournal } from './report/io/event-journal.ts'
import { openReporting, type Reporting } from './report/io/reporting.ts'
import { type ClusterFacts, openClusterFacts } from './session/io/cluster-facts.ts'
import { type HubLine, openHubLine } from './session/io/hub-line.ts'
import { substitute } from './substitute/substitute.ts'
import { collectVariables } from './substitute/variables.ts'
import { type Authority, openAuthority } from './tenancy/io/authority.ts'
import { openInstance } from './tenancy/io/instance.ts'
import type { LeaseOptions, Tenure } from './tenancy/io/lease.ts'
import { serveUnderLease } from './tenancy/io/serve.ts'

export interface AgentParts {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** How long a silent agent keeps the lease, and how often it is renewed. */
  readonly lease: Pick<LeaseOptions, 'durationMs' | 'renewMs'>
}

/** An agent of one cluster. It acts while it holds the cluster's lease, and waits for it otherwise. */
export interface Agent extends AsyncDisposable {
  state(): 'waiting' | 'acting'
  /** Requests sent to the API server so far, by verb. */
  requests(): ReadonlyMap<string, number>
}

interface Ground extends Omit<AgentParts, 'lease'> {
  readonly config: AgentConfig
  readonly target: KubeTarget
  readonly connection: KubeConnection
}

/** Opens an agent: takes its folder, then serves the cluster, with the hub or without it, until it is disposed. */
export async function openAgent(config: AgentConfig, over: Partial<AgentParts> = {}): Promise<Agent> {
  await using scope = new AsyncDisposableStack()
  const clock = over.clock ?? systemClock
  const random = over.random ?? systemRandom
  const log = over.log ?? openLog({ level: config.logLevel, program: 'agent' })
  const instance = await openInstance(config.dataDir, random)
  scope.use(await lockFolder(config.dataDir, { signal: AbortSignal.timeout(60_000) }))
  const { kubernetes } = config
  const target =
    'kubeconfig' in kubernetes ? await kubeconfigTarget(kubernetes.kubeconfig, clock) : await inClusterTarget(kubernetes, clock)
  const connection = scope.use(openKube(target, { clock, random }))
  const ground: Ground = { config, clock, random, log, target, connection }
  const lease: LeaseOptions = { kube: connection.own, ...instance, clock, log, ...over.lease }
  const service = scope.use(serveUnderLease(lease, (tenure, signal) => openWork(ground, tenure, signal)))
  const owned = scope.move()
  return { state: service.state, requests: () => connection.requests(), [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** What acts in the cluster for one tenure. */
interface Parts extends Ground {
  readonly tenure: Tenure
  readonly as: (account: ServiceAccountRef) => ReturnType<KubeConnection['as']>
  readonly memory: DriftMemory
  readonly store: Store<readonly StoredMemory[]>
  readonly authority: Authority
  readonly flux: Flux
  readonly reporting: Reporting
}

/** What a tenure's work is woken by. */
interface Acting extends Pick<Waking, 'everything'> {
  readonly touched: (what: Touched) => void
  readonly work: Waking
  readonly hub: HubLine
}

function both(work: Waking, placed: Placed): Pick<Acting, 'everything' | 'touched'> {
  return {
    everything() {
      work.everything()
      placed.everything()
    },
    touched(what: Touched) {
      work.touched(what)
      placed.touched(what)
    },
  }
}

/** Puts everything together that acts; closing it stops all work in flight. */
async function openWork(ground: Ground, tenure: Tenure, signal: AbortSignal): Promise<AsyncDisposable> {
  await using scope = new AsyncDisposableStack()
  const { config, clock, random, log, target, connection } = ground
  const { own } = connection
  let acting: Acting | undefined
  const as = ({ namespace, name }: ServiceAccountRef) => connection.as(serviceAccount(namespace, name))
  const memory = new DriftMemory({ clock, drifted: ({ owner, waitMs }) => acting?.work.drifted(owner, waitMs) })
  const fetch: HubLine['fetchBundles'] = (digests, o) => {
    if (!acting) throw new FleetError('unavailable', 'fetch bundles: the agent begins')
    return acting.hub.fetchBundles(digests, o)
  }
  const touched = (what: Touched) => acting?.touched(what)
  const store = scope.use(await openStore({ dataDir: config.dataDir, fetch, touched, memo: () => memory.snapshot(), clock, log }))
  memory.restore(store.remembered ?? [])
  const facts = scope.use(openClusterFacts({ target, clock, log }))
  const held = () => store.holdings.current()
  const authority: Authority = scope.use(
    openAuthority({
      ...{ kube: own, as: (subject) => connection.as(subject), clock, random, log },
      tenants: () => held().tenants.values(),
      fluxObjects: (namespace) =>
        Array.from(flux.mirror.all(), ({ manifest }) => manifest).filter(({ metadata }) => metadata.namespace === namespace),
      changed: () => acting?.everything(),
      told: (setup) => reporting.tenant(setup),
    }),
  )
  const identifySource = (namespace: string) => authority.identify({ namespace, serviceAccountName: undefined }, false)
  const refuseCaller = (account: ServiceAccountRef) => authority.refuseCaller(account)
  const flux: Flux = scope.use(openFlux({ own, as, target, identify: identifySource, refuseCaller, clock, random, log }))
  const journal = scope.use(await openEventJournal(join(config.dataDir, 'events.jsonl'), log))
  const reporting: Reporting = scope.use(
    openReporting({
      ...{ boot: tenure.boot, own, journal, clock, random, log },
      describe: (key) => sketch(flux, key, () => acting?.work.queue.add(key, UNREAD_MS)),
      mirrored: () => keysOf(flux),
      isMirrored: (key) => flux.mirror.byKey(key) !== undefined,
      releases: () => held().releases,
      consumers: (source) => consumersOf(flux).filter((one) => isFrom(one, source)),
    }),
  )
  const parts: Parts = { ...ground, tenure, as, memory, store, authority, flux, reporting }
  const work = openQueue(parts, scope)
  await Promise.all([authority.rules.known(signal), flux.mirror.synced(signal)])
  const placed = openPlacing(parts, scope)
  scope.use(followMirror(parts, work, placed))
  const hub = scope.use(openHub(parts, { facts, work }))
  acting = { work, hub, ...both(work, placed) }
  authority.begin()
  acting.everything()
  reporting.again()
  log.info({ event: 'agent.acting', count: [...flux.mirror.all()].length }, 'the agent serves the cluster')
  return scope.move()
}

const UNREAD_MS = 2_000

async function sketch(flux: Flux, key: string, unread: () => void): ReturnType<Flux['sketch']> {
  const found = await flux.sketch(key)
  if (found?.unread) unread()
  return found
}

/** What is seen of Flux objects calls for work; an object that is gone may be what a removed tenant waits for. */
function followMirror({ authority, flux }: Parts, work: Waking, placed: Placed): Disposable {
  return flux.mirror.subscribe((seen) => {
    work.seen(seen)
    placed.seen(seen.ref)
    if (!seen.after) authority.objectGone(seen.ref.namespace)
  })
}

/** The queue of objects to look at, and what brings objects into it. */
function openQueue(parts: Parts, scope: AsyncDisposableStack): Waking {
  const { authority, clock, config, flux, log, random, reporting, store } = parts
  const voice = createVoice({
    mirrored: (key) => flux.mirror.byKey(key),
    write: flux.write,
    record: (object, event) => reporting.events.record(object, event),
    ...{ kustomizationStatus, sourceStatus, unservedStatus, clock },
  })
  const reconciler = openReconciler(parts, scope, { voice, again: (key, afterMs) => queue.add(key, afterMs) })
  const sources = createSourceReconciler({
    object: (key) => flux.source(key),
    fact: (key) => store.holdings.current().sourceStatuses.get(key),
    say: (key, word, signal) => voice.source(key, word, signal),
    hasCredential: (object) => secretsOf(object).length > 0,
    refreshCredential: (key, object, signal) => flux.credentials.refresh(key, object, signal),
    tellAgain: (key) => reporting.object(key),
    forget: (key) => flux.credentials.forget(key),
    random,
  })
  const helming = openHelming(parts, scope, voice)
  const lookAtSource = (key: string, signal: AbortSignal) => sources.reconcile(key, signal)
  const queue: WorkQueue = scope.use(
    createWork({
      kinds: {
        Kustomization: (key, signal) => reconciler.reconcile(key, signal),
        ...{ GitRepository: lookAtSource, OCIRepository: lookAtSource, Bucket: lookAtSource },
        ...{ HelmRepository: lookAtSource, HelmChart: lookAtSource },
        HelmRelease: async (key) => void helming.add(key),
      },
      async other(key, signal) {
        const mirrored = flux.mirror.byKey(key)
        const message = mirrored && 'object' in mirrored.parsed ? wordForOther(mirrored.parsed.object, authority.rules.runs) : undefined
        if (message) await voice.unserved(key, message, signal)
        return undefined
      },
      mayAct: () => authority.rules.adoption().kind === 'acting',
      leftAlone(key) {
        reconciler.forget(key)
        const object = flux.kustomization(key)
        if (object) reporting.applied.leftAlone(refOf(object), object.metadata.uid ?? '')
      },
      ...{ concurrency: config.concurrency, clock, random, log },
    }),
  )
  return createWaking({
    ...{ queue, log },
    keys: () => keysOf(flux),
    consumers: () => consumersOf(flux),
    holdings: () => store.holdings.current(),
    adoption: () => authority.rules.adoption(),
    drifted: (key) => reconciler.drifted(key),
    prefetch: (digests) => store.bundles.prefetch(digests),
    tenantsChanged: () => authority.tenantsChanged(),
    report: reporting,
  })
}

/** Everything that consumes sources. */
function consumersOf(flux: Flux) {
  return [...flux.kustomizations(), ...flux.helmReleases()]
}

const RULES = { factOf, desiredHash, isExcluded, differences, takeOver }
/** Waits shorter than this are not told of. */
const QUIET_MS = 1_000

/** The engine: apply, drift, health and prune, each under the identity of the object it is for. */
function openReconciler(
  parts: Parts,
  scope: AsyncDisposableStack,
  { voice, again }: { readonly voice: FluxVoice; readonly again: (key: string, afterMs: number) => void },
): Reconciler {
  const { as, authority, clock, connection, flux, log, memory, random, reporting, store, tenure } = parts
  const waits: HealthWaits = new HealthWaits({ clock, watches: () => watches })
  const coverage = createCoverage({ clock })
  const listeners = [memory, waits, coverage]
  const watches = scope.use(new LiveWatches({ as: (subject) => connection.as(subject as Subject), listeners, clock, random, log }))
  const health = (live: Parameters<typeof computeHealth>[0]) => computeHealth(live, clock.now())
  const apply = createApply({
    ...{ rules: RULES, memory, health },
    written(subject, live) {
      waits.observed(subject, live)
      if (fluxKindOf(live)) flux.mirror.put(live)
    },
  })
  const workload = createWorkload({
    ...{ own: connection.own, as, memory, watches, coverage, waits, describeUnhealthy, clock, stop: tenure.signal },
    async applyAs(kube, objects, o) {
      store.memo.changed()
      return apply(objects, { cluster: openApplyCluster(kube, { clock }), ...o })
    },
    async pruneAs(kube, items, { awaitGoneMs, ...o }) {
      const cluster = openPruneCluster(kube, { clock })
      const pruned = await prune(items, { cluster, order: (a, b) => compareOrder(a.ref, b.ref), ...o })
      if (awaitGoneMs !== undefined) await awaitGone(pruned, { cluster, signal: o.signal, timeoutMs: awaitGoneMs })
      return pruned
    },
  })
  const prepare = createPrepare({
    bundle: (digest, signal) => store.bundles.get(digest, signal),
    policy: () => authority.rules.policy(),
    ...{ as, collectVariables, substitute },
  })
  return new Reconciler({
    ...{ workload, prepare, voice, clock, random, again, quietMs: QUIET_MS, toEntries, stale, union, describeChanges, timeoutMs },
    fromEntries: (entries) => fromEntries(entries).items,
    progress: (step, revision, spec) => progressMessage(step, revision, timeoutMs(spec)),
    awaited: awaitedItems,
    sighted: (items) => items.flatMap(({ ref }) => sightedIn(flux.mirror.get(ref))),
    follow: (applied, changed, watch) => reporting.applied.follow(applied, changed, watch),
    view: { kustomization: (key) => flux.kustomization(key), plan: (object) => planOf(parts, object) },
  })
}

function sightedIn(found: MirroredObject | undefined): readonly AppliedObject[] {
  if (!found) return []
  const { generation = 0, uid = '' } = found.manifest.metadata
  return [{ ref: found.ref, uid, generation }]
}

function keysOf({ mirror }: Flux): readonly string[] {
  return Array.from(mirror.all(), ({ ref }) => refKey(ref))
}

function planOf({ authority, flux, store }: Parts, object: Kustomization): ReturnType<typeof plan> {
  const { metadata, spec } = object
  const namespace = metadata.namespace ?? ''
  return plan({
    object,
    unserved: unserved(object),
    identity: authority.identify({ namespace, serviceAccountName: spec.serviceAccountName }, metadata.deletionTimestamp !== undefined),
    refuseReference: (target) => authority.refuseReference(namespace, target),
    sourceExists: (ref) => flux.mirror.get(ref) !== undefined,
    verdict: (consumer) => decide(store.holdings.current(), consumer),
    kustomization: (ref) => flux.kustomization(refKey(ref)),
  })
}

const CAPABILITIES = [
  ...['git-repository', 'oci-repository', 'bucket', 'helm-repository', 'helm-chart', 'kustomization', 'helm-release'],
  ...['calls', 'diffs', 'tenants', 'placements', 'health'],
]

/** The line to the hub. All work goes on without it. */
function openHub(parts: Parts, { facts, work }: { readonly facts: ClusterFacts; readonly work: Waking }): HubLine {
  const { authority, clock, config, connection, flux, log, random, reporting, store, tenure } = parts
  const { holdings } = store
  return openHubLine({
    ...{ hub: config.hub, hubCaFile: config.hubCaFile, joinTokenFile: config.joinTokenFile, clusterName: config.clusterName },
    ...{ folder: join(config.dataDir, 'identity'), agentVersion: VERSION, capabilities: CAPABILITIES, clock, random, log },
    async clusterUid(signal) {
      const home = await connection.own.get({ apiVersion: 'v1', kind: 'Namespace', name: 'kube-system' }, { signal })
      return home?.metadata.uid ?? ''
    },
    ports: {
      holdings: { cursor: () => holdings.current().cursor, facts: () => holdings.facts(), save: (batch) => holdings.save(batch) },
      carryOut: (call) => flux.desk.carryOut(call),
      pulse: () => reporting.pulse(),
      boot: () => tenure.boot,
      facts: () => ({
        ...facts.current(),
        agentVersion: VERSION,
        mode: authority.rules.adoption().kind === 'acting' ? 'active' : 'observing',
      }),
      welcomed({ hubKey }) {
        flux.credentials.sealTo(hubKey)
        for (const { ref } of flux.mirror.all()) {
          const source = flux.source(refKey(ref))
          if (source && secretsOf(source).length > 0) reporting.object(refKey(ref))
        }
        reporting.start()
        work.everything()
      },
      resync: (object) => reporting.again(object && refKey(object)),
      renewed: (credentials) => reporting.use(credentials),
    },
  })
}
