import { z } from 'zod'
import { parseDurationMs } from '../duration.ts'
import { duration, type Infer } from '../resource/fields.ts'
import { isTimeZone, parseSchedule } from '../schedule.ts'

const WEEK_MS = 7 * 24 * 3_600_000

/** A time that comes again and again, in which clusters may be released or may not. */
export const rolloutWindow = z.object({
  duration: duration()
    .refine((text) => isWithin(parseDurationMs(text)), { error: 'must be between 1m and 168h' })
    .describe('How long the window stays open, in real time.'),
  mode: z.enum(['allow', 'deny']).default('allow').describe("'allow' opens and 'deny' closes; 'deny' wins."),
  schedule: z
    .string()
    .superRefine((text, context) => {
      const schedule = parseSchedule(text, 'UTC')
      if ('problem' in schedule) context.addIssue({ code: 'custom', message: schedule.problem })
    })
    .describe('When the window opens: minute, hour, day of month, month, day of week, as in cron.'),
  timeZone: z
    .string()
    .refine(isTimeZone, { error: 'is no time zone; say one such as Europe/Berlin' })
    .default('UTC')
    .describe('IANA time zone of the schedule.'),
})
export type RolloutWindow = Infer<typeof rolloutWindow>

/** Text that is no duration is a problem already. */
function isWithin(ms: number | undefined): boolean {
  return ms === undefined || (ms >= 60_000 && ms <= WEEK_MS)
}
