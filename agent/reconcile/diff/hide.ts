/** How what must stay inside is shown, as helm's words show it too. */
export const HIDDEN = '***'

/** Takes secrets out of what leaves the cluster. */
export interface Hide {
  text(text: string): string
  /** The same in all texts, numbers and keys of a JSON value. */
  value(value: unknown): unknown
}

/** A text as short as these is found in every second sentence: it is hidden only where it stands alone. */
const SHORT = 6
/** To look for more would take too long: then nothing is shown. */
const MAX_FORMS = 2_000

/**
 * Hides texts wherever they turn up, in the ways in which templates write them: as they are, line by line, quoted, in
 * base64, in a URL. A short text is hidden where no letter or digit is beside it.
 */
export function createHide(secrets: Iterable<string>): Hide {
  const whole = new Set([...secrets].map((text) => text.trim()).filter((text) => text !== ''))
  if (whole.size > MAX_FORMS) return NOTHING_SHOWN
  const forms = new Set([...whole].flatMap(formsOf))
  if (forms.size > 6 * MAX_FORMS) return NOTHING_SHOWN
  const long = [...forms].filter((form) => form.length >= SHORT).sort((a, b) => b.length - a.length)
  const short = [...forms].filter((form) => form.length < SHORT).map(alone)
  const text = (given: string): string => {
    if (whole.has(given.trim())) return HIDDEN
    const bare = long.reduce((rest, form) => rest.replaceAll(form, HIDDEN), given)
    return short.reduce((rest, form) => rest.replaceAll(form, HIDDEN), bare)
  }
  const value = (given: unknown): unknown => {
    if (typeof given === 'string') return text(given)
    if (typeof given === 'number') return whole.has(String(given)) ? HIDDEN : given
    if (Array.isArray(given)) return given.map(value)
    if (typeof given !== 'object' || given === null) return given
    return Object.fromEntries(Object.entries(given).map(([key, inner]) => [text(key), value(inner)]))
  }
  return { text, value }
}

const NOTHING_SHOWN: Hide = { text: () => HIDDEN, value: () => HIDDEN }

function formsOf(text: string): readonly string[] {
  // A short line of a file says nothing by itself, and is found everywhere.
  const lines = text.split('\n').map((line) => line.trim())
  const longLines = lines.length > 1 ? lines.filter((line) => line.length >= SHORT) : []
  const base64 = [text, `${text}\n`].map((one) => Buffer.from(one, 'utf8').toString('base64'))
  const unpadded = base64.map((one) => one.replace(/=+$/, ''))
  return [text, ...longLines, JSON.stringify(text).slice(1, -1), inUrl(text), ...base64, ...unpadded]
}

function alone(form: string): RegExp {
  return new RegExp(`(?<![\\p{L}\\p{N}])${form.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}(?![\\p{L}\\p{N}])`, 'gu')
}

function inUrl(text: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    return text
  }
}
