import { compare } from 'semver'
import type { OciRef, SourceProblem } from '../model.ts'
import { parseRange, versionOf } from '../version-range.ts'

/** The highest tag in the range, of those that the filter lets through. */
export function pickTag(
  { semver = '', semverFilter }: Pick<OciRef, 'semver' | 'semverFilter'>,
  tags: readonly string[],
): { readonly tag: string } | { readonly problem: Pick<SourceProblem, 'message'> & { readonly stalled: boolean } } {
  const range = parseRange(semver)
  if (!range) return refused(`semver ${JSON.stringify(semver)} parse error: it is not a range of versions`, true)
  const filter = filterOf(semverFilter)
  if (!filter) return refused(`semverFilter ${JSON.stringify(semverFilter)} is not a regular expression that can be used here`, true)
  let best: { tag: string; version: string } | undefined
  for (const tag of tags) {
    const version = versionOf(tag)
    if (!version || !filter(tag) || !range(version)) continue
    const order = best ? compare(version, best.version) : 1
    if (!best || order > 0 || (order === 0 && tag > best.tag)) best = { tag, version }
  }
  return best ?? refused(`no match found for semver: ${semver}`, false)
}

/** So many characters of a pattern, so that one which goes back and forth over a tag stays bounded. */
const MAX_FILTER = 256
/** A repeated group that repeats within: what makes matching take for ever. */
const NESTED = /\([^()]*[+*}][^()]*\)[+*{]/

function filterOf(text: string | undefined): ((tag: string) => boolean) | undefined {
  if (!text) return () => true
  if (text.length > MAX_FILTER || NESTED.test(text)) return undefined
  try {
    const pattern = new RegExp(text)
    return (tag) => pattern.test(tag)
  } catch {
    return undefined
  }
}

function refused(message: string, stalled: boolean) {
  return { problem: { message, stalled } }
}
