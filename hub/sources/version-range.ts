import { parse, satisfies, validRange } from 'semver'

/** The version that a tag names: `1.2.3` with an optional `v` in front, nothing looser. */
export function versionOf(tag: string): string | undefined {
  const bare = tag.replace(/^v/, '')
  return /^\d/.test(bare) && parse(bare) ? bare : undefined
}

/**
 * A range in Masterminds' syntax, as Flux reads it: alternatives by `||`, conditions by comma or space, `!=` allowed,
 * pre-releases only where an alternative names one.
 */
export function parseRange(text: string): ((version: string) => boolean) | undefined {
  const alternatives: ((version: string) => boolean)[] = []
  for (const part of text.split('||')) {
    const excluded = [...part.matchAll(/!=\s*v?([^\s,]+)/g)].map(([, version = '']) => version)
    const range = part
      .replace(/!=\s*[^\s,]+/g, ' ')
      .replaceAll(',', ' ')
      .replace(/=>/g, '>=')
      .replace(/=</g, '<=')
      .trim()
    const includePrerelease = /\d-[0-9A-Za-z]/.test(range.replace(/\s-\s/g, ' '))
    if (validRange(range) === null || excluded.some((version) => validRange(version) === null)) return undefined
    alternatives.push(
      (version) =>
        (range === '' && excluded.length > 0 ? !version.includes('-') : satisfies(version, range, { includePrerelease })) &&
        !excluded.some((one) => satisfies(version, one)),
    )
  }
  return (version) => alternatives.some((matches) => matches(version))
}
