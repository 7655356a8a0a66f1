import { parseDocument } from 'yaml'
import { FleetError } from '../../../../proto/base/errors.ts'
import { LIKE_GO } from '../../../../proto/model/go-yaml.ts'
import { readText } from '../../session.ts'

type Values = Readonly<Record<string, unknown>>

/** What files say together: maps are merged, of anything else the last one counts. @throws `invalid` for a file without a map */
export async function readValues(files: readonly string[]): Promise<Values> {
  const read = await Promise.all(files.map(async (file) => parseValues(file, await readText(file, '--values'))))
  return read.reduce(merge, {})
}

/** @throws `invalid` with the place, and nothing of the content: there may be secrets in it */
function parseValues(file: string, text: string): Values {
  const document = parseDocument(text, { ...LIKE_GO, prettyErrors: false })
  if (document.errors.length > 0) throw new FleetError('invalid', `--values ${file}: is no YAML`)
  const value: unknown = document.toJS({ maxAliasCount: 100 }) ?? {}
  if (!isMap(value)) throw new FleetError('invalid', `--values ${file}: must be a map`)
  return value
}

function merge(below: Values, above: Values): Values {
  const merged = { ...below }
  for (const [key, value] of Object.entries(above)) {
    const old = merged[key]
    merged[key] = isMap(old) && isMap(value) ? merge(old, value) : value
  }
  return merged
}

function isMap(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
