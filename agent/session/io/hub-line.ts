import { readFile } from 'node:fs/promises'
import { delayMs } from '../../../proto/base/backoff.ts'
import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { Random } from '../../../proto/base/random.ts'
import type { FetchedBundle } from '../model.ts'
import type { SessionPorts } from '../ports.ts'
import { openIdentity } from './identity.ts'
import { type AgentSession, openSession } from './session.ts'

export interface HubLineOptions {
  /** `host:port` */
  readonly hub: string
  readonly hubCaFile: string
  readonly joinTokenFile: string | undefined
  /** Folder of the key and the certificate. */
  readonly folder: string
  readonly clusterName: string
  /** uid of the namespace kube-system. */
  readonly clusterUid: (signal: AbortSignal) => Promise<string>
  readonly ports: SessionPorts
  readonly agentVersion: string
  readonly capabilities: readonly string[]
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Everything between the agent and its hub: joining, the session, content. It is there whether the hub is or not. */
export interface HubLine extends AsyncDisposable {
  state(): 'joining' | ReturnType<AgentSession['state']>
  /** @throws `unavailable` while there is no session */
  fetchBundles(
    digests: readonly string[],
    options: { readonly signal: AbortSignal; readonly refused: (digest: string, why: string) => void },
  ): AsyncIterable<FetchedBundle>
}

const BACKOFF = { baseMs: 1_000, capMs: 30_000 }

export function openHubLine(options: HubLineOptions): HubLine {
  const stop = new AbortController()
  let session: AgentSession | undefined
  const opening = keepTrying(options, stop.signal).then((opened) => {
    session = opened
  })
  return {
    state: () => session?.state() ?? 'joining',
    fetchBundles(digests, o) {
      if (!session) throw new FleetError('unavailable', 'fetch bundles: there is no session with the hub yet')
      return session.fetchBundles(digests, o)
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new FleetError('aborted', 'the agent stops'))
      await opening
      await session?.[Symbol.asyncDispose]()
    },
  }
}

async function keepTrying(options: HubLineOptions, signal: AbortSignal): Promise<AgentSession | undefined> {
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      return await begin(options, signal)
    } catch (error) {
      if (signal.aborted) return undefined
      const waitMs = delayMs(attempt, { ...BACKOFF, jitter: options.random.next() })
      options.log.warn({ event: 'hub.unreachable', err: error, waitMs }, 'cannot take up the line to the hub; work goes on from disk')
      await options.clock.sleep(waitMs, signal).catch(() => undefined)
    }
  }
  return undefined
}

async function begin(options: HubLineOptions, signal: AbortSignal): Promise<AgentSession> {
  const { clock, random, log, ports, agentVersion, capabilities, folder, clusterName } = options
  const hub = { address: options.hub, ca: await readText(options.hubCaFile, "read the hub's certificate authority") }
  const token = options.joinTokenFile === undefined ? undefined : await tokenIn(options.joinTokenFile)
  const clusterUid = await options.clusterUid(signal)
  const identity = await openIdentity({ hub, folder, clusterName, clusterUid, token, agentVersion, clock, random, log }, signal)
  return openSession({ hub, identity, ports, agentVersion, capabilities, clock, random, log })
}

/** Gone after joining, which is no fault. */
async function tokenIn(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.trim() || undefined
}

async function readText(path: string, attempted: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new FleetError('unavailable', `${attempted} ${path}: ${error.message}`, { cause: error })
  })
}
