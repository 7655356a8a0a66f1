import type { Clock } from '../../../proto/base/clock.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { Random } from '../../../proto/base/random.ts'
import type { ReleaseFact } from '../../../proto/model/facts.ts'
import type { Kustomization } from '../../../proto/model/flux/kustomize/kinds.ts'
import { refKey } from '../../../proto/model/object-ref.ts'
import type { PlacedReport, TenantSetupReport, VersionedRef } from '../../../proto/model/report.ts'
import { setDigestOf } from '../../../proto/model/set-digest.ts'
import type { Lane } from '../../../proto/model/subjects.ts'
import type { BusCredentials } from '../../bus/bus.ts'
import type { Kube } from '../../kube/model.ts'
import { type AppliedWords, openAppliedWords } from '../applied.ts'
import { consumerState } from '../consumer.ts'
import { type Described, describeObject } from '../describe.ts'
import { Outbox } from '../outbox.ts'
import { openRevisions } from '../revisions.ts'
import { openBusLine } from './bus-line.ts'
import type { OpenJournal } from './event-journal.ts'
import { type KubeEvents, openKubeEvents } from './kube-events.ts'
import { openPublisher } from './publish.ts'

export interface ReportingDeps {
  readonly boot: bigint
  readonly own: Kube
  readonly journal: OpenJournal
  readonly describe: (key: string) => Promise<Described | undefined>
  /** Keys of everything that is mirrored. */
  readonly mirrored: () => Iterable<string>
  readonly isMirrored: (key: string) => boolean
  readonly releases: () => ReadonlyMap<string, ReleaseFact>
  readonly consumers: (source: string) => readonly Kustomization[]
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** What the hub is told, and the events in the cluster. */
export interface Reporting extends AsyncDisposable {
  readonly events: KubeEvents
  /** The hub has spoken to this agent: from now on it is told. */
  start(): void
  use(credentials: BusCredentials): void
  object(key: string): void
  deletion(gone: VersionedRef): void
  /** A source's release, or where one of its consumers is, has changed. */
  revision(source: string): void
  /** What became of a tenant here. */
  tenant(setup: TenantSetupReport): void
  /** What is applied here, and how it is doing. */
  readonly applied: Pick<AppliedWords, 'follow' | 'leftAlone'>
  /** What became of a placed object here. */
  placed(word: PlacedReport): void
  /** The hub knows that a placed object is gone. */
  forgetPlaced(key: string): void
  /** Everything is told anew, and a complete list after it; or one object. */
  again(key?: string): void
  pulse(): { readonly sequences: Readonly<Record<Lane, bigint>>; readonly mirrorDigest: string; readonly mirrorCount: number }
}

export function openReporting(deps: ReportingDeps): Reporting {
  const { clock, random, log } = deps
  const describe = async (key: string) => {
    const found = await deps.describe(key)
    return found && describeObject(found)
  }
  const outbox = new Outbox(deps.boot, describe, { journal: deps.journal, left: deps.journal.left })
  const bus = openBusLine({ log })
  const publisher = openPublisher({ outbox, publish: (lane, bytes, o) => bus.publish(lane, bytes, o), clock, random, log })
  const after = (change: () => void) => {
    change()
    publisher.wake()
  }
  const consumersOf = (source: string) => deps.consumers(source).map(consumerState)
  const tell: Parameters<typeof openRevisions>[0]['tell'] = (reached, stragglers) => after(() => outbox.revision(reached, stragglers))
  const revisions = openRevisions({ release: (source) => deps.releases().get(source), consumers: consumersOf, tell, clock })
  const events = openKubeEvents({ kube: deps.own, told: (event) => after(() => outbox.event(event)), clock, random, log })
  const applied = openAppliedWords({
    // A last word on an object that has gone would outlive it in the hub.
    tell: (word) => deps.isMirrored(refKey(word.object)) && after(() => outbox.applied(word)),
    clock,
  })
  return {
    events,
    applied,
    start: () => publisher.start(),
    use: (credentials) => bus.use(credentials),
    object: (key) => after(() => outbox.object(key)),
    deletion: (gone) => after(() => outbox.deletion(gone)),
    revision: (source) => revisions.changed(source),
    tenant: (setup) => after(() => outbox.tenant(setup)),
    placed: (word) => after(() => outbox.placed(word)),
    forgetPlaced: (key) => outbox.forgetPlaced(key),
    again(key) {
      outbox.forgetTold(key)
      if (key !== undefined) outbox.object(key)
      else {
        revisions.forgetTold()
        for (const one of deps.mirrored()) outbox.object(one)
        for (const source of deps.releases().keys()) revisions.changed(source)
        outbox.list(random.hex(8))
      }
      publisher.wake()
    },
    pulse() {
      const told = Array.from(outbox.told, ([key, { resourceVersion }]) => [key, resourceVersion] as const)
      return { sequences: outbox.sequences, mirrorDigest: setDigestOf(told), mirrorCount: told.length }
    },
    async [Symbol.asyncDispose]() {
      await revisions[Symbol.asyncDispose]()
      await applied[Symbol.asyncDispose]()
      await events[Symbol.asyncDispose]()
      await publisher[Symbol.asyncDispose]()
      await bus[Symbol.asyncDispose]()
    },
  }
}
