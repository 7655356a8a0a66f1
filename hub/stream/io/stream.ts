import type { Answer, Call } from '../../../proto/model/call.ts'
import type { ClusterId } from '../../../proto/model/ids.ts'
import type { ObjectRef } from '../../../proto/model/object-ref.ts'
import { NOTICE_SUBJECT } from '../../../proto/model/subjects.ts'
import { openBundles } from './bundles.ts'
import { callAgent, serveCalls } from './calls.ts'
import { LiveSession } from './live.ts'
import { MAX_MESSAGE_BYTES, Room, type StreamOptions } from './room.ts'
import { openServer } from './server.ts'

/** The door for agents: their sessions on this replica, and calls to agents wherever they are. */
export interface Stream extends AsyncDisposable {
  readonly port: number
  /** Sessions that are open here. */
  size(): number
  has(clusterId: ClusterId): boolean
  call(clusterId: ClusterId, call: Call): Promise<Answer>
  /** Ends the session of a cluster that is no member any more, on whichever replica it is. */
  expel(clusterId: ClusterId): void
  /** Asks an agent to report again, on whichever replica it is. */
  resync(clusterId: ClusterId, object?: ObjectRef): void
}

export async function openStream(options: StreamOptions): Promise<Stream> {
  await using scope = new AsyncDisposableStack()
  const room = new Room(options, await options.db.lineage())
  scope.use(room)
  const { bus, log, clock } = options
  scope.use(bus.onHint(() => room.pump.poke()))
  scope.use(bus.subscribe(NOTICE_SUBJECT, (bytes) => room.noticed(bytes)))
  scope.use(serveCalls(room.calls, () => clock.now()))
  const server = await openServer({
    ...options,
    bundles: openBundles(options.db, (bytes) => options.listeners.sent?.(bytes)),
    present: ({ clusterId, serial }) => {
      const peer = room.held.get(clusterId)?.peer
      return peer?.serial === serial ? peer : undefined
    },
    accept: (peer, stream) => void new LiveSession(peer, stream, { events: room.events, now: () => clock.now().getTime() }),
    maxMessageBytes: MAX_MESSAGE_BYTES,
    pendingMs: options.pendingMs ?? 5000,
    log,
  })
  const owned = scope.move()
  return {
    port: server.port,
    size: () => room.held.size,
    has: (clusterId) => room.held.has(clusterId),
    call: (clusterId, call) => callAgent(room.calls, { clusterId, call, now: clock.now() }),
    expel: (clusterId) => room.tell({ kind: 'expelled', clusterId }),
    resync: (clusterId, object) => room.tell({ kind: 'resync', clusterId, ...(object ? { object } : {}) }),
    async [Symbol.asyncDispose]() {
      await room[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
      await owned.disposeAsync()
    },
  }
}
