import type { Manifest } from '../../../proto/model/manifest.ts'

type Values = Readonly<Record<string, unknown>>

interface SecretsInput {
  /** All values that are released. */
  readonly values: Values
  /** The same without what comes out of Secrets. */
  readonly open: Values
  /** Texts that are known to have come out of Secrets. */
  readonly told: readonly string[]
  /** The values of the versions that are there. */
  readonly before: readonly Values[]
  /** The release's objects, those that are there and those that would be. */
  readonly objects: readonly Manifest[]
}

/** Shorter texts of values that are gone are words like `on` and `3`. */
const MIN_GONE = 4
/** What a Secret of the chart holds is often a word of everybody's. */
const MIN_FOUND = 8

/**
 * Texts of a release that nobody is to see.
 *
 * 1. Values that Secrets give now; a value is open where it is the same without them.
 * 2. What the versions that are there have in their place: the Secret held that before.
 * 3. What they have where nothing is given any more: nobody knows where that came from.
 * 4. What its Secrets hold.
 */
export function secretTexts({ before, objects, open, told, values }: SecretsInput): readonly string[] {
  const now = leaves(values)
  const openly = leaves(open)
  const openTexts = new Set(openly.values())
  const isOpen = (path: string) => openly.has(path) && openly.get(path) === now.get(path)
  const texts = new Set(told)
  for (const [path, text] of now) if (!isOpen(path)) texts.add(text)
  for (const [path, text] of before.flatMap((one) => [...leaves(one)])) {
    if (isOpen(path)) continue
    if (now.has(path) || (text.length >= MIN_GONE && !openTexts.has(text))) texts.add(text)
  }
  for (const object of objects) if (object.kind === 'Secret') for (const text of textsOf(object)) texts.add(text)
  return [...texts]
}

function textsOf({ data, stringData }: Manifest): readonly string[] {
  const decoded = textsIn(data).map((text) => Buffer.from(text, 'base64').toString('utf8'))
  return [...decoded, ...textsIn(stringData)].filter((text) => text.length >= MIN_FOUND)
}

function textsIn(value: unknown): readonly string[] {
  return typeof value === 'object' && value !== null ? Object.values(value).map(String) : []
}

/** Every text and number, by its place. */
function leaves(values: unknown, path = ''): ReadonlyMap<string, string> {
  const out = new Map<string, string>()
  if (typeof values === 'object' && values !== null) {
    for (const [key, inner] of Object.entries(values))
      for (const [at, text] of leaves(inner, `${path}/${key.replaceAll('/', '~1')}`)) out.set(at, text)
  } else if (typeof values === 'number' || (typeof values === 'string' && values !== '')) out.set(path, String(values))
  return out
}
