import type { Clock } from '../../proto/base/clock.ts'
import type { Log } from '../../proto/base/log.ts'
import type { Random } from '../../proto/base/random.ts'
import type { ServiceAccountRef } from '../../proto/model/identities.ts'
import { admitsKind } from '../../proto/model/policy.ts'
import type { HoldingsKeeper } from '../cache/service.ts'
import { nextRound } from '../drift/fight.ts'
import type { Fight } from '../drift/model.ts'
import type { KubeConnection } from '../kube/connection.ts'
import type { Flux } from '../mirror/io/flux.ts'
import { openPlaced, type Placed } from '../placed/io/open.ts'
import type { Reporting } from '../report/io/reporting.ts'
import type { Authority } from '../tenancy/io/authority.ts'

interface PlacingParts {
  readonly as: (account: ServiceAccountRef) => ReturnType<KubeConnection['as']>
  readonly authority: Authority
  readonly connection: KubeConnection
  readonly flux: Flux
  readonly reporting: Reporting
  readonly store: { readonly holdings: HoldingsKeeper }
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** What Placements put into the cluster, under the identity of the namespace that it goes to. */
export function openPlacing(given: PlacingParts, scope: AsyncDisposableStack): Placed {
  const { as, authority, clock, connection, flux, log, random, reporting, store } = given
  const fights = new Map<string, Fight>()
  const held = () => store.holdings.current()
  return scope.use(
    openPlaced({
      ...{ own: connection.own, as, clock, random, log, voice: reporting },
      mirrored: (ref) => flux.mirror.get(ref)?.manifest,
      wrote: (manifest) => flux.mirror.put(manifest),
      keys: () => held().placed.keys(),
      fact: (key) => held().placed.get(key),
      cluster: () => held().cluster,
      identify: (namespace, leaving) => authority.identify({ namespace, serviceAccountName: undefined }, leaving),
      adoption: () => authority.rules.adoption(),
      admits: (ref) => admitsKind(authority.rules.policy(), ref),
      *namespaces() {
        for (const { namespaces, removed } of held().tenants.values()) if (!removed) yield* namespaces
        for (const { object } of held().placed.values()) yield object.namespace
        for (const { metadata } of flux.kustomizations()) yield metadata.namespace ?? ''
      },
      patience(key) {
        const { fight, waitMs } = nextRound(fights.get(key), clock.now())
        fights.set(key, fight)
        return waitMs
      },
    }),
  )
}
