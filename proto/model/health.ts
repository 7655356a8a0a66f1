/** kstatus' words for what an object is doing, in its own spelling. Source: cli-utils pkg/kstatus/status. */
export const HEALTH_STATUS = ['Current', 'InProgress', 'Failed', 'Terminating', 'NotFound', 'Unknown'] as const
export type HealthStatus = (typeof HEALTH_STATUS)[number]

export interface Health {
  readonly status: HealthStatus
  /** One sentence on why, for people; empty when Current. */
  readonly message: string
}
