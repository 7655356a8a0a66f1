import { parseDurationMs } from '../../proto/model/duration.ts'
import type { RolloutWindow } from '../../proto/model/fleet/rollout-window.ts'
import { parseSchedule, type Schedule } from '../../proto/model/schedule.ts'
import type { WindowState } from './model.ts'

/** Starts of one schedule that are read to find the next change; each takes a fraction of a millisecond. */
const MOST_STARTS = 200
const MINUTE_MS = 60_000

/** A time in which a window is open, in milliseconds; `to` is the first moment after it. */
interface Span {
  readonly from: number
  readonly to: number
  /** Nothing was read of what comes after it. */
  readonly last: boolean
}

/** The spans of one window from now on, the present or next one first. */
interface Track {
  readonly mode: RolloutWindow['mode']
  readonly spans: Iterator<Span, undefined>
  readonly span: Span | undefined
}

/**
 * Whether clusters may be released at `now`, and when that changes. No `allow` windows: always, but for `deny`, which wins.
 * Where a schedule comes so often that no change is in sight, `changesAt` is as far as was looked.
 *
 * A window lasts its duration in real time. One that opens at a time which the clocks skip opens when they have been moved;
 * at a time that they show twice, the first time (a schedule with a wildcard in minute or hour: both times).
 */
export function windowAt(windows: readonly RolloutWindow[], now: Date): WindowState {
  let tracks = windows.map((window) => trackOf(window, now.getTime())).map((track) => passTo(track, now.getTime()))
  const open = isOpen(tracks, now.getTime())
  for (let at = nextEdge(tracks, now.getTime()); at !== undefined; at = nextEdge(tracks, at)) {
    const edge = at
    const unread = tracks.some(({ span }) => span?.last === true && span.to <= edge)
    tracks = tracks.map((track) => passTo(track, edge))
    if (unread || isOpen(tracks, edge) !== open) return { open, changesAt: new Date(edge) }
  }
  return { open }
}

function trackOf({ duration, mode, schedule: text, timeZone }: RolloutWindow, now: number): Track {
  const schedule = parseSchedule(text, timeZone)
  const durationMs = parseDurationMs(duration) ?? 0
  if ('problem' in schedule || durationMs <= 0) return { mode, spans: [].values(), span: undefined }
  const spans = spansOf(schedule, { durationMs, after: now - durationMs })
  return { mode, spans, span: spans.next().value }
}

function passTo(track: Track, at: number): Track {
  let { span } = track
  while (span && span.to <= at) span = track.spans.next().value
  return span === track.span ? track : { ...track, span }
}

function isOpen(tracks: readonly Track[], at: number): boolean {
  const covers = ({ span }: Track) => span !== undefined && span.from <= at
  const allows = tracks.filter(({ mode }) => mode === 'allow')
  return (allows.length === 0 || allows.some(covers)) && !tracks.some((track) => track.mode === 'deny' && covers(track))
}

function nextEdge(tracks: readonly Track[], at: number): number | undefined {
  const edges = tracks.flatMap(({ span }) => (span ? [span.from > at ? span.from : span.to] : []))
  return edges.length === 0 ? undefined : Math.min(...edges)
}

/** When a window is open after `after`, each time as long as it goes on. */
function* spansOf(
  schedule: Schedule,
  { after, durationMs }: { readonly after: number; readonly durationMs: number },
): Generator<Span, undefined> {
  let start = schedule.next(new Date(after))?.getTime()
  if (start === undefined) return undefined
  let span: Span = { from: start, to: start + durationMs, last: false }
  for (let count = 0; count < MOST_STARTS; count++) {
    start = followingStart(schedule, start, span)
    if (start === undefined) {
      yield span
      return undefined
    }
    if (start > span.to) yield span
    span = { from: start > span.to ? start : span.from, to: start + durationMs, last: false }
  }
  yield { ...span, last: true }
  return undefined
}

/** The next start that counts: one in the span's last minute makes all before it idle, and saves reading them. */
function followingStart(schedule: Schedule, start: number, { to }: Span): number | undefined {
  const late = to - start > MINUTE_MS ? schedule.next(new Date(to - MINUTE_MS))?.getTime() : undefined
  if (late !== undefined && late <= to) return late
  return schedule.next(new Date(start))?.getTime()
}
