import type { Answer, Call } from '../../proto/model/call.ts'
import type { Cursor, Fact } from '../../proto/model/facts.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'
import type { Credentials, FactBatch, Pulse, Welcome } from './model.ts'

/** What the agent holds of the hub's word, on its disk. */
export interface HoldingsPort {
  cursor(): Cursor | undefined
  facts(): Iterable<Fact>
  /** Resolves once the batch is safe: only then is it acknowledged. Batches come one at a time. */
  save(batch: FactBatch, signal: AbortSignal): Promise<void>
}

/** The rest of the agent, as a session sees it. */
export interface SessionPorts {
  readonly holdings: HoldingsPort
  /** Carries out a call that somebody made through the hub; the same id again gives the same answer without acting twice. */
  carryOut(call: Call, signal: AbortSignal): Promise<Answer>
  pulse(): Pulse
  /** Grows with each process that acts for the cluster. */
  boot(): bigint
  /** What is known of the cluster, for the hub. */
  facts(): Readonly<Record<string, string>>
  welcomed(welcome: Welcome): void
  /** The hub asks for the mirror again: all of it, or one object. */
  resync(object: ObjectRef | undefined): void
  /** Also called with the first ones. */
  renewed(credentials: Credentials): void
}
