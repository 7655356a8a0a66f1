import { Cron } from 'croner'

/** Any date serves to find out whether a schedule comes at all. */
const SOME_DAY = new Date('2026-01-01T00:00:00Z')

/** The instants at which a schedule comes in a time zone. */
export interface Schedule {
  /** The first one after an instant; undefined when there is none. */
  next(after: Date): Date | undefined
}

type ReadSchedule = Schedule | { readonly problem: string }

/** Reading one takes a millisecond, and each look at a run asks for the same ones again. */
const read = new Map<string, ReadSchedule>()
const MOST_KEPT = 1000

/**
 * Reads a cron schedule of five fields (`0 22 * * 1-4`; names of months and days too), or says what is wrong with it.
 *
 * A time that the clocks skip comes when they have been moved; a time that they show twice comes the first time only, or
 * both times where minute or hour is a wildcard or a step.
 */
export function parseSchedule(text: string, timeZone: string): ReadSchedule {
  const key = `${timeZone} ${text}`
  const known = read.get(key)
  if (known) return known
  const made = readSchedule(text, timeZone)
  if (read.size >= MOST_KEPT) read.clear()
  read.set(key, made)
  return made
}

function readSchedule(text: string, timeZone: string): ReadSchedule {
  // `?` stands for the present moment, which a schedule that is written down does not have.
  if (text.includes('?')) return { problem: `${JSON.stringify(text)}: '?' cannot be used` }
  try {
    const cron = new Cron(text, { timezone: timeZone, mode: '5-part', paused: true, fixedTimeRule: 'no-wildcard' })
    if (!cron.nextRun(SOME_DAY)) return { problem: `${JSON.stringify(text)} never comes` }
    return { next: (after) => cron.nextRun(after) ?? undefined }
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    return { problem: `${JSON.stringify(text)}: ${said.replace(/^CronPattern: /, '')}` }
  }
}

export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
