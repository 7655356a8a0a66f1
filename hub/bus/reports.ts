import {
  AckPolicy,
  type Consumer,
  DiscardPolicy,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream'
import { partitionSubjects, REPORT_SUBJECTS, REPORTS_STREAM } from '../../proto/model/subjects.ts'
import type { Bus } from './bus.ts'

/** So much may wait per cluster and lane; what is refused beyond it stays in the agent's outbox. */
const MAX_WAITING_PER_SUBJECT = 1000
const ACK_WAIT_MS = 15_000
const NANOS = 1_000_000

/** Makes the stream in which reports wait until they are folded, or brings it to the present configuration. */
export async function ensureReports(bus: Bus, replicas = 1): Promise<void> {
  const config = {
    subjects: [REPORT_SUBJECTS],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    discard_new_per_subject: true,
    max_msgs_per_subject: MAX_WAITING_PER_SUBJECT,
    max_bytes: 8 * 1024 ** 3,
    duplicate_window: 120_000 * NANOS,
    num_replicas: replicas,
  } satisfies Partial<StreamConfig>
  try {
    await bus.manager.streams.update(REPORTS_STREAM, config)
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.status !== 404) throw error
    await bus.manager.streams.add({ name: REPORTS_STREAM, ...config })
  }
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
