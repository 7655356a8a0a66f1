import { type ClusterId, parseClusterId } from './ids.ts'

// Subjects and names in NATS. Persisted: do not change.

export const LANES = ['objects', 'status', 'events'] as const
export type Lane = (typeof LANES)[number]

/** Reports are spread over so many partitions; each is folded by one replica at a time. */
export const PARTITIONS = 16
export const REPORTS_STREAM = 'REPORTS'
/** Every report, and nothing that the hub says to itself: those subjects are shorter. */
export const REPORT_SUBJECTS = 'flotilla.v1.*.*.*'
/** "Rows have changed, read them": no content. */
export const HINT_SUBJECT = 'flotilla.v1.hint'
/** What all replicas should hear at once: sessions to end. */
export const NOTICE_SUBJECT = 'flotilla.v1.notice'

const PREFIX = 'flotilla.v1'

export interface ReportAddress {
  readonly partition: number
  readonly clusterId: ClusterId
  readonly lane: Lane
}

export function partitionOf(clusterId: ClusterId): number {
  return Number.parseInt(clusterId.slice(-4), 16) % PARTITIONS
}

export function reportSubject(clusterId: ClusterId, lane: Lane): string {
  return `${PREFIX}.${partitionOf(clusterId)}.${clusterId}.${lane}`
}

/** Who reported, by the subject alone: the broker lets an agent publish under its own id only. Undefined for any other subject. */
export function parseReportSubject(subject: string): ReportAddress | undefined {
  const [program, version, partition, cluster = '', lane, ...rest] = subject.split('.')
  const clusterId = parseClusterId(cluster)
  const known = LANES.find((name) => name === lane)
  if (`${program}.${version}` !== PREFIX || !clusterId || !known || rest.length > 0) return undefined
  const own = partitionOf(clusterId)
  return partition === String(own) ? { partition: own, clusterId, lane: known } : undefined
}

/** All an agent may publish. */
export function agentSubjects(clusterId: ClusterId): string {
  return `${PREFIX}.${partitionOf(clusterId)}.${clusterId}.>`
}

/** Prefix of the inboxes of an agent, the only thing it may subscribe to. */
export function inboxPrefix(clusterId: ClusterId): string {
  return `_INBOX_${clusterId}`
}

export function partitionSubjects(partition: number): string {
  return `${PREFIX}.${partition}.*.*`
}

/** Where a replica takes calls for the agents whose sessions it holds. */
export function callSubject(replica: string): string {
  return `${PREFIX}.call.${replica}`
}
