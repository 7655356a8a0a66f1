import { FleetError } from '../../proto/base/errors.ts'
import { FLUX_KINDS } from '../../proto/model/flux/kinds.ts'
import type { ResourceKind } from '../../proto/model/resource/kind.ts'
import { kindOf, SOURCES } from './kinds.ts'

/** What is to be shown: kinds, perhaps narrowed down to a name. */
export interface Wanted {
  readonly kinds: readonly ResourceKind[]
  readonly name: string | undefined
}

/** Reads `all`, `sources`, `sources git podinfo`, `ks apps`. @throws `invalid` for what is no kind, and for a second name */
export function parseWanted([first = '', ...rest]: readonly string[]): Wanted {
  if (first === 'all') return { kinds: FLUX_KINDS, name: onlyName(rest) }
  if (!/^sources?$/i.test(first)) return { kinds: [kindOf([first])], name: onlyName(rest) }
  const [word, ...more] = rest
  if (word === undefined || word === 'all') return { kinds: SOURCES, name: onlyName(more) }
  return { kinds: [kindOf([first, word])], name: onlyName(more) }
}

function onlyName(words: readonly string[]): string | undefined {
  if (words.length > 1) throw new FleetError('invalid', `get takes one name, not ${words.join(' ')}; leave names out to see all`)
  return words[0]
}
