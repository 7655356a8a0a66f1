import { FleetError } from '../../proto/base/errors.ts'

/** `a=b` sets, `a-` removes. */
export function parseLabels(words: readonly string[]): Readonly<Record<string, string | null>> {
  return Object.fromEntries(
    words.map((word) => {
      const [, key, value] = /^([^=]+)=(.*)$/.exec(word) ?? []
      if (key !== undefined && value !== undefined) return [key, value]
      if (word.length > 1 && word.endsWith('-')) return [word.slice(0, -1), null]
      throw new FleetError('invalid', `label ${JSON.stringify(word)}: write key=value, or key- to remove it`)
    }),
  )
}
