import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { KubeTarget } from '../../kube/target.ts'
import { Transport } from '../../kube/transport.ts'

/** What is known of the cluster for the hub, read now and then. */
export interface ClusterFacts extends AsyncDisposable {
  current(): Readonly<Record<string, string>>
}

const EVERY_MS = 600_000
const AGAIN_MS = 10_000

/** Reads the version of the API server and the number of nodes. */
export function openClusterFacts(deps: { readonly target: KubeTarget; readonly clock: Clock; readonly log: Log }): ClusterFacts {
  const transport = new Transport(deps.target, { clock: deps.clock, connections: 1 })
  const stop = new AbortController()
  let facts: Readonly<Record<string, string>> = {}
  const run = async () => {
    while (!stop.signal.aborted) {
      let waitMs = EVERY_MS
      try {
        facts = { ...facts, ...(await version(transport, stop.signal)) }
        facts = { ...facts, ...(await nodes(transport, stop.signal)) }
      } catch (error) {
        if (stop.signal.aborted) return
        waitMs = AGAIN_MS
        deps.log.info({ event: 'facts.failed', err: error, waitMs }, 'cannot read what the hub wants to know of the cluster')
      }
      await deps.clock.sleep(waitMs, stop.signal).catch(() => undefined)
    }
  }
  const running = run()
  return {
    current: () => facts,
    async [Symbol.asyncDispose]() {
      stop.abort(new FleetError('aborted', 'the agent stops'))
      await running
      await transport[Symbol.asyncDispose]()
    },
  }
}

async function version(transport: Transport, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
  const call = { verb: 'get', method: 'GET', path: '/version', attempted: 'read the version of the API server', signal } as const
  const { gitVersion = '', major = '', minor = '', platform = '' } = (await transport.send(call)) as Partial<Record<string, string>>
  return { kubernetesVersion: gitVersion, kubernetesMinor: `${major}.${minor.replace(/\D.*$/, '')}`, platform }
}

/** The first page of one tells how many more there are. */
async function nodes(transport: Transport, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
  const path = '/api/v1/nodes?limit=1'
  const call = { verb: 'list', method: 'GET', path, attempted: 'count the nodes', signal } as const
  const accept = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json'
  const page = (await transport.send({ ...call, accept })) as { items?: unknown[]; metadata?: { remainingItemCount?: number } }
  return { nodes: String((page.items?.length ?? 0) + (page.metadata?.remainingItemCount ?? 0)) }
}
