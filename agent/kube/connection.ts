import type { Clock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import type { Random } from '../../proto/base/random.ts'
import type { Deps } from './address.ts'
import { createDiscovery } from './discovery.ts'
import type { ImpersonatedKube, Kube } from './model.ts'
import { createReads } from './reads.ts'
import type { Subject } from './subject.ts'
import type { KubeTarget } from './target.ts'
import { Transport } from './transport.ts'
import { createWrites } from './writes.ts'

/** The connection to one API server: the agent's own client, and clients that act as a ServiceAccount. */
export interface KubeConnection extends AsyncDisposable {
  /** The agent's own, small rights. */
  readonly own: Kube
  /** A client bound to a ServiceAccount. Without a subject there is no client. */
  as(subject: Subject): ImpersonatedKube
  /** Requests sent so far, by verb. */
  requests(): ReadonlyMap<string, number>
}

export interface ConnectionOptions {
  readonly clock: Clock
  readonly random: Random
  /** Connections for requests, default 8. */
  readonly connections?: number
}

/** Opens the connection pools; nothing is sent before the first request. */
export function openKube(target: KubeTarget, options: ConnectionOptions): KubeConnection {
  const transport = new Transport(target, { clock: options.clock, ...(options.connections ? { connections: options.connections } : {}) })
  const stop = new AbortController()
  const fetch = (path: string) =>
    transport
      .send({ verb: 'discover', method: 'GET', path, attempted: `discover ${path}`, signal: stop.signal })
      .catch((error: unknown) => {
        if (error instanceof FleetError && error.code === 'not-found') return undefined
        throw error
      })
  const discovery = createDiscovery({ fetch, clock: options.clock })
  const shared = { transport, discovery, chance: () => options.random.next() }
  return {
    own: createClient(shared),
    as(subject) {
      if (!/^system:serviceaccount:[^:]+:[^:]+$/.test(subject))
        throw new FleetError('forbidden', 'act in the cluster: no ServiceAccount was named')
      return { ...createClient({ ...shared, as: subject }), subject }
    },
    requests: () => transport.counts(),
    async [Symbol.asyncDispose]() {
      stop.abort(new FleetError('aborted', 'the connection to the API server is closed'))
      await transport[Symbol.asyncDispose]()
    },
  }
}

/** The verbs over one transport, as one identity. */
function createClient(deps: Deps): Kube {
  return { discovery: deps.discovery, ...createReads(deps), ...createWrites(deps) }
}
