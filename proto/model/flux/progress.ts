import { formatDuration } from '../duration.ts'

const DOING = {
  fetch: 'Fetching manifests',
  build: 'Building manifests',
  drift: 'Detecting drift',
  health: 'Running health checks',
} as const
export type ProgressStep = keyof typeof DOING

/** Flux's words for what a Kustomization is at. */
export function progressMessage(step: ProgressStep, revision: string, timeoutMs: number): string {
  return `${DOING[step]} for revision ${revision} with a timeout of ${formatDuration(timeoutMs)}`
}
