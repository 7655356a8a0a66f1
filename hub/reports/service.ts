import { messageOf } from '../../proto/base/errors.ts'
import type { Log } from '../../proto/base/log.ts'
import { SOURCE_GROUP } from '../../proto/model/names.ts'
import type { Projection, Received, SourceObjectRow, SourceSighting } from './model.ts'
import {
  type AskResync,
  type Folded,
  NOTHING_FOLDED,
  type OwnersOf,
  type ReceiveCredential,
  type ReportStore,
  type SourceOf,
} from './ports.ts'
import { project, sourceObject } from './project.ts'

/** Takes reports into the tables, whole batches at a time. */
export interface ReportService {
  /**
   * Folds a batch, oldest first. A batch that fails is halved until the message that cannot be folded is alone: that
   * one is set aside with its reason and its cluster is asked to report again; the others go on.
   */
  fold(batch: readonly Received[]): Promise<Folded>
  /** Looks at the sources of a namespace whose tenant, or its list of hosts, has changed. @returns undefined when there is none */
  review(): Promise<Folded | undefined>
}

export function createReportService(deps: {
  store: ReportStore
  receiveCredential: ReceiveCredential
  sourceOf: SourceOf
  ownersOf: OwnersOf
  askResync: AskResync
  log: Log
}): ReportService {
  const { store, log } = deps

  async function projected(news: readonly Received[]): Promise<Projection> {
    const credentials = new Map<Uint8Array, string>()
    for (const { report } of news)
      for (const { sealedCredential } of report.objects)
        if (sealedCredential) credentials.set(sealedCredential, await deps.receiveCredential(sealedCredential))
    const owners = await deps.ownersOf([...namespacesOfSources(news)])
    return project(news, { sourceOf: deps.sourceOf, owners, credentials })
  }

  async function fold(batch: readonly Received[]): Promise<Folded> {
    try {
      return await store.fold(batch, projected, served)
    } catch (error) {
      const [only] = batch
      if (!only || isOurs(error)) throw error
      if (batch.length === 1) return reject(only, error)
      const half = batch.length >> 1
      const first = await fold(batch.slice(0, half))
      const second = await fold(batch.slice(half))
      return {
        fetch: [...first.fetch, ...second.fetch],
        settle: [...first.settle, ...second.settle],
        moved: [...first.moved, ...second.moved],
        tenants: [...first.tenants, ...second.tenants],
        placements: [...first.placements, ...second.placements],
        place: first.place || second.place,
      }
    }
  }

  async function reject({ clusterId, lane, report }: Received, error: unknown): Promise<Folded> {
    const reason = messageOf(error)
    log.error({ event: 'report.rejected', clusterId, subject: lane, reason, err: error }, 'a report cannot be folded and was set aside')
    await store.reject({ clusterId, lane, reason, bytes: report.objects.length })
    await deps.askResync(clusterId)
    return NOTHING_FOLDED
  }

  async function served(sightings: readonly SourceSighting[]): Promise<readonly SourceObjectRow[]> {
    const owners = await deps.ownersOf([...new Set(sightings.map(({ manifest }) => manifest.metadata.namespace ?? ''))])
    return sightings.flatMap((sighting) => sourceObject(sighting, { sourceOf: deps.sourceOf, owners }) ?? [])
  }

  return { fold, review: () => store.review(served) }
}

function namespacesOfSources(news: readonly Received[]): ReadonlySet<string> {
  return new Set(
    news.flatMap(({ report }) => report.objects.filter(({ ref }) => ref.group === SOURCE_GROUP).map(({ ref }) => ref.namespace)),
  )
}

/** Failures of the hub's own ground: the report is not to blame and stays in the stream. */
function isOurs(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && (error.code === 'unavailable' || error.code === 'aborted' || error.code === 'exhausted')
  )
}
