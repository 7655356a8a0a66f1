import sax from 'sax'

/** An object as a listing has it. */
export interface ListedObject {
  readonly key: string
  /** Without the quotes that it is sent with. */
  readonly etag: string
  readonly size: number
}

export interface ListingPage {
  readonly objects: readonly ListedObject[]
  /** Token of the next page; undefined behind the last one. */
  readonly next: string | undefined
}

/** What a server says with a refusal, as far as it says anything that can be read. */
export interface Refusal {
  readonly code: string
  readonly message: string
  readonly region: string
}

/** Reads a page of ListObjectsV2; undefined where the text is none. */
export function parseListing(text: string): ListingPage | undefined {
  const objects: ListedObject[] = []
  const root = leaves(text, {
    root: 'ListBucketResult',
    group: 'Contents',
    each({ ETag = '', Key, Size = '' }) {
      if (Key !== undefined) objects.push({ key: Key, etag: unquoted(ETag), size: Number(Size) })
    },
  })
  if (!root || objects.some(({ etag, size }) => etag === '' || !Number.isSafeInteger(size) || size < 0)) return undefined
  const next = root.IsTruncated === 'true' ? root.NextContinuationToken : undefined
  if (root.IsTruncated === 'true' && !next) return undefined
  if (root.EncodingType !== 'url') return { objects, next }
  try {
    return { objects: objects.map((object) => ({ ...object, key: decodeURIComponent(object.key.replaceAll('+', ' ')) })), next }
  } catch {
    return undefined
  }
}

/** What the body of a refusal says; empty where it says nothing. */
export function parseRefusal(text: string): Refusal {
  const { Code = '', Message = '', Region = '' } = leaves(text, { root: 'Error' }) ?? {}
  return { code: Code, message: Message, region: Region }
}

/** An entity tag without its quotes. */
export function unquoted(etag: string): string {
  return etag.replace(/^"|"$/g, '')
}

const MAX_DEPTH = 10

type Leaves = Readonly<Record<string, string | undefined>>

/**
 * The texts of the elements right below the root, by name; those in each element named `group` are given to `each`
 * together. Undefined where the text is not XML or has another root.
 */
function leaves(
  text: string,
  { each, group, root }: { readonly root: string; readonly group?: string; readonly each?: (members: Leaves) => void },
): Leaves | undefined {
  const reader = sax.parser(true)
  const path: string[] = []
  const found: Record<string, string> = {}
  let members: Record<string, string> = {}
  let top = ''
  let content = ''
  reader.onerror = (error) => {
    throw error
  }
  reader.onopentag = ({ name }) => {
    path.push(name.replace(/^.*:/, ''))
    if (path.length > MAX_DEPTH) throw new Error('deeper than any answer')
    content = ''
    if (path.length === 1) top = name
    if (path.length === 2) members = {}
  }
  reader.ontext = reader.oncdata = (part) => {
    content += part
  }
  reader.onclosetag = () => {
    const [, second, third] = path
    if (path.length === 3 && second === group && third) members[third] = content
    else if (path.length === 2 && second === group) each?.(members)
    else if (path.length === 2 && second) found[second] = content
    path.pop()
    content = ''
  }
  try {
    reader.write(text).close()
  } catch {
    return undefined
  }
  return top === root ? found : undefined
}
