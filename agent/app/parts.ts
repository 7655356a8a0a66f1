import type { Clock } from '../../proto/base/clock.ts'
import type { Log } from '../../proto/base/log.ts'
import type { Random } from '../../proto/base/random.ts'
import type { ServiceAccountRef } from '../../proto/model/identities.ts'
import { refKey } from '../../proto/model/object-ref.ts'
import type { Store } from '../cache/io/store.ts'
import type { AgentConfig } from '../config.ts'
import type { DriftMemory, StoredMemory } from '../drift/memory.ts'
import type { KubeConnection } from '../kube/connection.ts'
import type { KubeTarget } from '../kube/target.ts'
import type { Flux } from '../mirror/io/flux.ts'
import type { Reporting } from '../report/io/reporting.ts'
import type { Authority } from '../tenancy/io/authority.ts'
import type { Tenure } from '../tenancy/io/lease.ts'

/** What an agent has for as long as it runs. */
export interface Ground {
  readonly config: AgentConfig
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly target: KubeTarget
  readonly connection: KubeConnection
}

/** What acts in the cluster for one tenure. */
export interface Parts extends Ground {
  readonly tenure: Tenure
  readonly as: (account: ServiceAccountRef) => ReturnType<KubeConnection['as']>
  readonly memory: DriftMemory
  readonly store: Store<readonly StoredMemory[]>
  readonly authority: Authority
  readonly flux: Flux
  readonly reporting: Reporting
}

/** Everything that consumes sources. */
export function consumersOf(flux: Flux) {
  return [...flux.kustomizations(), ...flux.helmReleases()]
}

/** Keys of all Flux objects. */
export function keysOf({ mirror }: Flux): readonly string[] {
  return Array.from(mirror.all(), ({ ref }) => refKey(ref))
}
