import { join } from 'node:path'
import { type Clock, systemClock } from '../proto/base/clock.ts'
import { FleetError } from '../proto/base/errors.ts'
import { lockFolder } from '../proto/base/folder-lock.ts'
import { type Log, openLog } from '../proto/base/log.ts'
import { type Random, systemRandom } from '../proto/base/random.ts'
import type { ServiceAccountRef } from '../proto/model/identities.ts'
import { openHub } from './app/linking.ts'
import { consumersOf, type Ground, keysOf, type Parts } from './app/parts.ts'
import { openPlacing } from './app/placing.ts'
import { openQueue } from './app/queueing.ts'
import type { Touched } from './cache/hold.ts'
import { openStore } from './cache/io/store.ts'
import type { AgentConfig } from './config.ts'
import { DriftMemory } from './drift/memory.ts'
import { openKube } from './kube/connection.ts'
import { serviceAccount } from './kube/subject.ts'
import { inClusterTarget, kubeconfigTarget } from './kube/target.ts'
import { type Flux, openFlux } from './mirror/io/flux.ts'
import type { Placed } from './placed/io/open.ts'
import { isFrom } from './reconcile/triggers.ts'
import type { Waking } from './reconcile/waking.ts'
import { openEventJournal } from './report/io/event-journal.ts'
import { openReporting, type Reporting } from './report/io/reporting.ts'
import { openClusterFacts } from './session/io/cluster-facts.ts'
import type { HubLine } from './session/io/hub-line.ts'
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
