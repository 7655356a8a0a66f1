import type { Log } from '../../proto/base/log.ts'
import type { WorkQueue } from '../../proto/base/work-queue.ts'
import { KUSTOMIZE_GROUP } from '../../proto/model/names.ts'
import { refKey } from '../../proto/model/object-ref.ts'
import type { VersionedRef } from '../../proto/model/report.ts'
import type { Holdings } from '../cache/model.ts'
import type { Adoption } from '../tenancy/model.ts'
import { type Consumer, consumedBy, consumerIn } from './consumers.ts'
import { consumers, keysAfter, type Sighted } from './triggers.ts'

export interface WakingDeps {
  readonly queue: WorkQueue
  /** Keys of all Flux objects. */
  readonly keys: () => Iterable<string>
  readonly consumers: () => Iterable<Consumer>
  readonly holdings: () => Holdings
  readonly adoption: () => Adoption
  readonly drifted: (key: string) => void
  /** Content that will be needed soon. */
  readonly prefetch: (digests: readonly string[]) => Promise<void>
  readonly tenantsChanged: () => void
  readonly report: { object(key: string): void; deletion(gone: VersionedRef): void; revision(source: string): void }
  readonly log: Log
}

/** What happened, and so what is to be looked at and told. */
export interface Waking {
  readonly queue: WorkQueue
  everything(): void
  /** Something that a Kustomization applied is not as it was. */
  drifted(owner: { readonly namespace: string; readonly name: string }, waitMs: number): void
  /** The hub's word has changed. */
  touched(what: {
    readonly objects: ReadonlySet<string>
    readonly sources: ReadonlySet<string>
    readonly tenants: ReadonlySet<string>
  }): void
  /** A Flux object has changed. */
  seen(what: Sighted): void
}

export function createWaking(deps: WakingDeps): Waking {
  const { queue, report } = deps
  let mode = ''
  return {
    queue,
    everything() {
      const adoption = deps.adoption()
      const now = adoption.kind === 'acting' ? 'acting' : adoption.why
      if (now !== mode)
        deps.log.info({ event: 'agent.mode', reason: now }, adoption.kind === 'acting' ? 'the agent works here' : 'the agent only looks on')
      mode = now
      for (const key of deps.keys()) queue.add(key)
    },
    drifted({ namespace, name }, waitMs) {
      const key = refKey({ group: KUSTOMIZE_GROUP, kind: 'Kustomization', namespace, name })
      deps.drifted(key)
      queue.add(key, waitMs)
    },
    touched({ objects, sources, tenants }) {
      deps.prefetch(bundlesOf(deps.holdings(), objects)).catch((error: unknown) => {
        deps.log.info({ event: 'bundles.late', err: error }, 'bundles come when they are needed')
      })
      // A source is one write, and people wait for its word; behind its consumers it would come last of all.
      for (const source of sources) queue.add(source)
      for (const key of objects) queue.add(key)
      for (const source of sources) {
        for (const key of consumers(source, deps.consumers())) queue.add(key)
        report.revision(source)
      }
      if (tenants.size > 0) deps.tenantsChanged()
    },
    seen(sighted) {
      const { ref, before, after } = sighted
      for (const key of keysAfter(sighted, deps.consumers)) queue.add(key)
      if (after) report.object(refKey(ref))
      else if (before) {
        const { uid = '', resourceVersion = '' } = before.manifest.metadata
        report.deletion({ ref, uid, resourceVersion })
      }
      for (const one of [consumerIn(before), consumerIn(after)]) {
        const source = one && consumedBy(one)
        if (source) report.revision(refKey(source))
      }
    },
  }
}

function bundlesOf({ desired }: Holdings, objects: Iterable<string>): readonly string[] {
  return Array.from(objects).flatMap((key) => {
    const content = desired.get(key)?.content
    return content && 'bundle' in content ? [content.bundle] : []
  })
}
