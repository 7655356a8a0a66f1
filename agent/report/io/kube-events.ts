import type { Clock } from '../../../proto/base/clock.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { Random } from '../../../proto/base/random.ts'
import { metaTime } from '../../../proto/model/condition.ts'
import { type Manifest, refOf } from '../../../proto/model/manifest.ts'
import { formatRef, groupOf, refKey } from '../../../proto/model/object-ref.ts'
import type { EventReport } from '../../../proto/model/report.ts'
import type { Kube } from '../../kube/model.ts'

/** What happened to a Flux object. */
export interface Happening {
  readonly severity: 'info' | 'error'
  readonly reason: string
  readonly message: string
  readonly revision: string
  /** What else a receiver may want to know, by the key under the kind's group. */
  readonly notes?: Readonly<Record<string, string>>
}

export interface EventDeps {
  readonly kube: Kube
  /** The event as the hub is to hear of it. */
  readonly told: (event: EventReport) => void
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Records events in the cluster, for `kubectl describe` and `flux events`, and tells the hub. */
export interface KubeEvents extends AsyncDisposable {
  record(object: Manifest, happening: Happening): void
}

interface Series {
  readonly name: string
  readonly uid: string
  count: number
}

const SERIES_KEPT = 500
const WAITING = 1_000
const MESSAGE_LIMIT = 1_024
/** Field manager of everything that the agent writes itself. */
const MANAGER = 'flotilla-agent'
const SOURCES: Readonly<Record<string, string>> = { Kustomization: 'kustomize-controller', HelmRelease: 'helm-controller' }

/** An event of the same words about the same object counts the first one up. A failure is logged and holds nobody up. */
export function openKubeEvents(deps: EventDeps): KubeEvents {
  const stop = new AbortController()
  const series = new Map<string, Series>()
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()
  const write = async (object: Manifest, happening: Happening, at: Date) => {
    const { notes: _, ...told } = happening
    const key = [refKey(refOf(object)), object.metadata.uid, happening.reason, happening.message].join('\n')
    let id = deps.random.hex(16)
    try {
      const known = series.get(key)
      const next = known
        ? await countUp(deps, { object, known, at, signal: stop.signal })
        : await create(deps, { object, happening, at, signal: stop.signal })
      series.delete(key)
      series.set(key, next)
      for (const oldest of series.keys()) if (series.size > SERIES_KEPT) series.delete(oldest)
      id = next.count === 1 ? next.uid : `${next.uid}.${next.count}`
    } catch (error) {
      series.delete(key)
      if (!stop.signal.aborted)
        deps.log.info({ event: 'event.failed', object: formatRef(refOf(object)), err: error }, 'could not record an event in the cluster')
    }
    deps.told({ id, object: refOf(object), ...told, at })
  }
  return {
    record(object, happening) {
      if (waiting >= WAITING) {
        deps.log.warn(
          { event: 'event.dropped', object: formatRef(refOf(object)), reason: happening.reason },
          'an event was dropped: too many wait',
        )
        return
      }
      waiting++
      const at = deps.clock.now()
      last = last.then(() => write(object, happening, at)).finally(() => waiting--)
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await last
    },
  }
}

interface Writing {
  readonly object: Manifest
  readonly at: Date
  readonly signal: AbortSignal
}

async function create({ kube, random }: EventDeps, o: Writing & { readonly happening: Happening }): Promise<Series> {
  const { apiVersion, kind, metadata } = o.object
  const { severity, reason, message, revision, notes } = o.happening
  const annotations = Object.entries({ ...(revision ? { revision } : {}), ...notes }).map(([key, value]) => [
    `${groupOf(apiVersion)}/${key}`,
    value,
  ])
  const namespace = metadata.namespace ?? 'default'
  const component = SOURCES[kind] ?? 'source-controller'
  const at = metaTime(o.at)
  const made = await kube.create(
    {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: {
        name: `${metadata.name.slice(0, 230)}.${random.hex(8)}`,
        namespace,
        ...(annotations.length > 0 ? { annotations: Object.fromEntries(annotations) as Record<string, string> } : {}),
      },
      involvedObject: {
        apiVersion,
        kind,
        name: metadata.name,
        namespace,
        ...(metadata.uid ? { uid: metadata.uid } : {}),
        ...(metadata.resourceVersion ? { resourceVersion: metadata.resourceVersion } : {}),
      },
      type: severity === 'info' ? 'Normal' : 'Warning',
      reason,
      message: message.length > MESSAGE_LIMIT ? `${message.slice(0, MESSAGE_LIMIT - 3)}...` : message,
      source: { component },
      reportingComponent: component,
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    },
    { fieldManager: MANAGER, signal: o.signal },
  )
  return { name: made.metadata.name, uid: made.metadata.uid ?? random.hex(16), count: 1 }
}

async function countUp({ kube }: EventDeps, o: Writing & { readonly known: Series }): Promise<Series> {
  const { name, uid } = o.known
  const count = o.known.count + 1
  const at = { apiVersion: 'v1', kind: 'Event', name, namespace: o.object.metadata.namespace ?? 'default' }
  const body = { count, lastTimestamp: metaTime(o.at) }
  await kube.patch(at, { type: 'merge', body, fieldManager: MANAGER, signal: o.signal })
  return { name, uid, count }
}
