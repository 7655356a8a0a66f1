import { FleetError } from '../../proto/base/errors.ts'
import { parseDurationMs } from '../../proto/model/duration.ts'

/** Milliseconds of `--timeout 5m`. */
export function parseTimeout(text: string): number {
  const ms = parseDurationMs(text)
  if (!ms) throw new FleetError('invalid', `--timeout ${text}: must be a duration such as 5m or 30s`)
  return ms
}
