import type { Clock } from '../../proto/base/clock.ts'
import type { Log } from '../../proto/base/log.ts'
import type { Random } from '../../proto/base/random.ts'
import { fluxKindOf } from '../../proto/model/flux/kinds.ts'
import type { ServiceAccountRef } from '../../proto/model/identities.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'
import type { AppliedObject } from '../../proto/model/report.ts'
import { nextRound } from '../drift/fight.ts'
import type { DriftMemory } from '../drift/memory.ts'
import { ReleaseMemory } from '../drift/releases.ts'
import { LiveWatches } from '../health/io/watches.ts'
import { HealthWaits } from '../health/waits.ts'
import type { KubeConnection } from '../kube/connection.ts'
import type { Subject } from '../kube/subject.ts'
import type { Flux } from '../mirror/io/flux.ts'
import { type Configs, openConfigs } from '../reconcile/io/configs.ts'
import { type Coverage, createCoverage } from '../reconcile/io/coverage.ts'

interface WatchingParts {
  readonly as: (account: ServiceAccountRef) => ReturnType<KubeConnection['as']>
  readonly connection: KubeConnection
  readonly flux: Flux
  readonly memory: DriftMemory
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

interface Woken {
  /** Something that a release holds is not as it was left. */
  readonly release: (key: string, waitMs: number) => void
  /** Something that an object takes values from is not as it has read it. */
  readonly configured: (key: string, waitMs: number) => void
}

/** What watches the objects in the cluster, and those who hear of them. */
export interface Watching {
  readonly waits: HealthWaits
  readonly watches: LiveWatches
  readonly coverage: Coverage
  readonly releases: ReleaseMemory
  readonly configs: Configs
  /** A Flux object as it is known to be by now; none where there is none. */
  readonly sighted: (ref: ObjectRef) => readonly AppliedObject[]
  /** Hears of a live object that was written, so that nobody judges an older state. */
  readonly written: (subject: string, live: Manifest) => void
}

/** Changes of so long a time become one look. */
const GATHER_MS = 250

export function openWatching(
  { as, connection, flux, memory, ...parts }: WatchingParts,
  scope: AsyncDisposableStack,
  woken: Woken,
): Watching {
  const { clock, log, random } = parts
  const waits: HealthWaits = new HealthWaits({ clock, watches: () => watches })
  const coverage = createCoverage({ clock })
  const releases = new ReleaseMemory({ clock, drifted: (key, waitMs) => woken.release(key, Math.max(waitMs, GATHER_MS)) })
  const listeners = [memory, releases, waits, coverage]
  const watches = scope.use(new LiveWatches({ as: (subject) => connection.as(subject as Subject), listeners, clock, random, log }))
  const changed = (key: string, waitMs: number) => woken.configured(key, Math.max(waitMs, GATHER_MS))
  const configs = scope.use(openConfigs({ as, changed, patience: nextRound, clock, random, log }))
  return {
    ...{ waits, watches, coverage, releases, configs },
    sighted(ref) {
      const found = flux.mirror.get(ref)
      if (!found) return []
      const { generation = 0, uid = '' } = found.manifest.metadata
      return [{ ref, uid, generation }]
    },
    written(subject, live) {
      waits.observed(subject, live)
      if (fluxKindOf(live)) flux.mirror.put(live)
    },
  }
}
