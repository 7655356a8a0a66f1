import { parse } from 'yaml'
import { z } from 'zod'

/** A version of a chart as an index lists it. */
export interface ChartVersion {
  readonly version: string
  readonly urls: readonly string[]
  /** sha256 of the archive, where the index says so. */
  readonly digest: string | undefined
  /** Unix milliseconds; 0 where the index does not say. */
  readonly createdAt: number
}

/** Where the charts of an index are in its text: from the line with the name to the next one, in bytes. */
export type Sections = ReadonlyMap<string, { readonly from: number; readonly to: number }>

const NEWLINE = 0x0a
const SPACE = 0x20
const DASH = 0x2d
const HASH = 0x23
const KEY = /^ *(?:"([^"\\]+)"|'([^']+)'|([^\s"'{[&*!|>%@`:#-][^\s:]*)):\s*(?:#.*)?$/

/**
 * Finds the charts of an index by its lines, without reading what it says of them: an index has tens of megabytes, of
 * which one chart's versions are wanted.
 * @returns undefined where the text is not laid out as Helm lays it out; a sentence where it is no index
 */
export function findSections(text: Buffer): Sections | { readonly problem: string } | undefined {
  const sections = new Map<string, { from: number; to: number }>()
  let hasVersion = false
  let inEntries = false
  let sawEntries = false
  let depth = 0
  let open: { from: number; to: number } | undefined
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf(NEWLINE, from)
    const to = end < 0 ? text.length : end + 1
    const indent = indentOf(text, from, to)
    const first = text[from + indent] ?? NEWLINE
    if (first !== NEWLINE && first !== HASH) {
      if (indent === 0 && first !== DASH) {
        const line = text.toString('utf8', from, Math.min(to, from + 200)).trimEnd()
        hasVersion ||= line.startsWith('apiVersion:')
        inEntries = /^entries:\s*(\{\s*\})?\s*(#.*)?$/.test(line)
        if (line.startsWith('entries:') && !inEntries) return undefined
        if (/^[{["'&*%]/.test(line)) return undefined
        sawEntries ||= inEntries
        open = undefined
      } else if (inEntries && (depth === 0 || indent === depth) && first !== DASH) {
        depth = indent
        const name = keyOf(text.toString('utf8', from, to).trimEnd())
        if (name === undefined) return undefined
        open = { from, to }
        sections.set(name, open)
      } else if (inEntries && indent < depth) return undefined
      if (open) open.to = to
    } else if (open) open.to = to
    from = to
  }
  if (!hasVersion) return { problem: 'no API version specified' }
  return sawEntries ? sections : { problem: 'it has no entries' }
}

/** The versions in a section of an index, or in a whole index. Throws for text that is no YAML. */
export function readVersions(text: string, name: string): readonly ChartVersion[] {
  const document = (text.trimStart().startsWith('{') ? JSON.parse(text) : parse(text, { maxAliasCount: 100 })) as Record<string, unknown>
  const entries = (document.entries ?? document) as Record<string, unknown>
  const listed = entries[name]
  if (!Array.isArray(listed)) return []
  return listed.flatMap((one: unknown) => {
    const parsed = entry.safeParse(one)
    return parsed.success ? [versionOf(parsed.data)] : []
  })
}

const entry = z.object({
  version: z.coerce.string(),
  urls: z.array(z.string()).nullish(),
  digest: z.string().nullish(),
  created: z.unknown().optional(),
})

function versionOf({ created, digest, urls, version }: z.infer<typeof entry>): ChartVersion {
  const createdAt = Date.parse(String(created))
  return { version, urls: urls ?? [], digest: digest || undefined, createdAt: Number.isNaN(createdAt) ? 0 : createdAt }
}

function indentOf(text: Buffer, from: number, to: number): number {
  let at = from
  while (at < to && text[at] === SPACE) at++
  return at - from
}

function keyOf(line: string): string | undefined {
  const [, double, single, plain] = KEY.exec(line) ?? []
  return double ?? single ?? plain
}
