import {
  AckPolicy,
  type Consumer,
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream'
import { retry } from '../../proto/base/backoff.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { type ErrorCode, FleetError, messageOf } from '../../proto/base/errors.ts'
import { systemRandom } from '../../proto/base/random.ts'
import { within } from '../../proto/base/signals.ts'
import { partitionSubjects, REPORT_SUBJECTS, REPORTS_STREAM } from '../../proto/model/subjects.ts'
import type { Bus } from './bus.ts'

/** So much may wait per cluster and lane; what is refused beyond it stays in the agent's outbox. */
const MAX_WAITING_PER_SUBJECT = 1000
const ACK_WAIT_MS = 15_000
const NANOS = 1_000_000

/**
 * Makes the stream in which reports wait until they are folded, or brings it to the present configuration; how many
 * servers keep a copy is left as it is. A request that is lost, as all are that run while a server goes, is made again.
 * @throws `unavailable` when no answer came within `patienceMs`, `invalid` when the server refused
 */
export async function ensureReports(
  bus: Bus,
  { signal, patienceMs = 30_000 }: { signal: AbortSignal; patienceMs?: number },
): Promise<void> {
  const patience = within(patienceMs, signal)
  let last: unknown
  const failed = (error: unknown) => {
    last = error
  }
  try {
    const pace = { baseMs: 50, capMs: 1000, clock: systemClock, random: systemRandom }
    await retry(() => updateOrAdd(bus.manager).catch(refused), { ...pace, signal: patience, failed })
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof FleetError) throw error
    throw unready(last ?? error)
  }
}

async function updateOrAdd({ streams }: JetStreamManager): Promise<void> {
  const config = {
    subjects: [REPORT_SUBJECTS],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    discard_new_per_subject: true,
    max_msgs_per_subject: MAX_WAITING_PER_SUBJECT,
    max_bytes: 8 * 1024 ** 3,
    duplicate_window: 120_000 * NANOS,
  } satisfies Partial<StreamConfig>
  try {
    await streams.update(REPORTS_STREAM, config)
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.status !== 404) throw error
    await streams.add({ name: REPORTS_STREAM, ...config })
  }
}

/** What a server says no to, such as a stream larger than its disk, it says no to the next time as well. */
function refused(error: unknown): never {
  if (error instanceof JetStreamApiError && error.status < 500) throw unready(error, 'invalid')
  throw error
}

function unready(error: unknown, code: ErrorCode = 'unavailable'): FleetError {
  const what = `make the stream ${REPORTS_STREAM} in NATS: ${messageOf(error)}; the server needs JetStream with files, and room for 8 GiB`
  return new FleetError(code, what, { cause: error })
}

/** The consumer of one partition: what is not acknowledged within seconds comes again, to whoever pulls then. */
export async function reportConsumer(bus: Bus, partition: number): Promise<Consumer> {
  const name = `fold-${partition}`
  await bus.manager.consumers.add(REPORTS_STREAM, {
    durable_name: name,
    filter_subject: partitionSubjects(partition),
    ack_policy: AckPolicy.Explicit,
    ack_wait: ACK_WAIT_MS * NANOS,
    max_ack_pending: 2000,
  })
  return bus.streams.consumers.get(REPORTS_STREAM, name)
}
