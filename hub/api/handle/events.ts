import { FleetError } from '../../../proto/base/errors.ts'
import { within } from '../../../proto/base/signals.ts'
import { fluxKind } from '../../../proto/model/flux/kinds.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { CLUSTER_LABEL, FLEET_GROUP, FLEET_VERSION } from '../../../proto/model/names.ts'
import type { ClusterEvent, EventQuery } from '../../events/model.ts'
import { ALL_CLUSTERS, FLEET_SCOPE } from '../../objects/model.ts'
import type { ApiResponse, Target } from '../model.ts'
import type { ApiParts } from '../ports.ts'
import { coreEvent } from '../present/event.ts'
import { jsonPath } from '../present/json-path.ts'
import { type Look, renderBookmark, renderEvent, renderList } from '../present/render.ts'
import { fieldEquals, type ListOptions } from '../request/options.ts'
import type { Place } from './place.ts'

type Parts = Pick<ApiParts, 'events' | 'clusters' | 'clock'>

interface Ask {
  readonly look: Look
  readonly options: ListOptions
  readonly place: Place
  readonly signal: AbortSignal
}

/** What a list without a limit shows at most; older events are history. */
const MOST = 1000
const MAX_WATCH_MS = 30 * 60_000

/** Core events of Flux objects and of Rollouts, for `kubectl describe`, `kubectl get events`, `flux events`. */
export async function readEvents(parts: Parts, target: Target, ask: Ask): Promise<ApiResponse> {
  const query = eventQuery(ask)
  if (ask.options.watch) return { kind: 'stream', contentType: 'application/json', chunks: eventLines(parts, target, { ...ask, query }) }
  const { events, position } = await parts.events.list(query)
  const objects = await shown(parts, target, { ...ask, events })
  return renderList({ objects, resourceVersion: String(position) }, ask.look)
}

/** What happens to objects of the fleet is shown with what happens in all clusters. */
function eventQuery({ look, options: { fields, limit }, place }: Ask): EventQuery {
  const namespace = fieldEquals(fields, 'involvedObject.namespace') ?? fieldEquals(fields, 'metadata.namespace')
  const scopes = look.view.kind === 'all' ? [...place.scopes, FLEET_SCOPE] : place.scopes
  return {
    clusters: scopes.includes(ALL_CLUSTERS) ? undefined : scopes,
    namespaces: namespace ? (place.namespaces ?? [namespace]).filter((one) => one === namespace) : place.namespaces,
    kind: fieldEquals(fields, 'involvedObject.kind') || undefined,
    name: fieldEquals(fields, 'involvedObject.name') || undefined,
    limit: Math.min(limit ?? MOST, MOST),
  }
}

async function* eventLines(parts: Parts, target: Target, ask: Ask & { readonly query: EventQuery }): AsyncGenerator<string> {
  const { look, options, query } = ask
  const signal = within(Math.min(options.timeoutMs ?? MAX_WATCH_MS, MAX_WATCH_MS), ask.signal)
  let first = true
  const text = async (events: readonly ClusterEvent[]) => {
    let out = ''
    for (const object of await shown(parts, target, { ...ask, events })) {
      out += renderEvent('ADDED', object, { ...look, now: parts.clock.now(), first })
      first = false
    }
    return out
  }
  try {
    let from = options.resourceVersion
    if (from === undefined || from === '0') {
      const page = await parts.events.list(query)
      yield await text(page.events)
      from = String(page.position)
      if (options.initialEvents) yield renderBookmark(from, { ...look, initialEnd: true, first })
    }
    for await (const { events } of parts.events.watch(query, { from: positionOf(from), signal })) yield await text(events)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

async function shown(
  parts: Parts,
  { view }: Target,
  { events, options }: Ask & { readonly events: readonly ClusterEvent[] },
): Promise<readonly Manifest[]> {
  const names = view.kind === 'all' ? await parts.clusters.namesOf([...new Set(events.map(({ clusterId }) => clusterId))]) : undefined
  const fields = options.fields.filter(({ path }) => !path.endsWith('.uid'))
  return events
    .map((event) => {
      const object = coreEvent(event, (group, kind) => fluxKind(group, kind)?.version ?? (group === FLEET_GROUP ? FLEET_VERSION : 'v1'))
      if (!names) return object
      return { ...object, metadata: { ...object.metadata, labels: { [CLUSTER_LABEL]: names.get(event.clusterId) ?? event.clusterId } } }
    })
    .filter((object) => fields.every(({ equal, path, value }) => (String(jsonPath(`.${path}`, object) ?? '') === value) === equal))
}

function positionOf(text: string): bigint {
  if (!/^\d{1,20}$/.test(text))
    throw new FleetError('invalid', `watch events: resourceVersion ${JSON.stringify(text)} is none of this hub's`)
  return BigInt(text)
}
