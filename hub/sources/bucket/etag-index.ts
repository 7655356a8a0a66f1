import { sha256 } from '../../../proto/base/hash.ts'
import { IGNORE_FILE, ignoreRules } from '../ignore-rules.ts'
import type { ListedObject } from './answers.ts'

const MAX_PATH_BYTES = 4096

/** The objects that become files: neither folders, nor what the ignore rules leave out. Source: Flux, source-controller. */
export function keptObjects(
  listed: readonly ListedObject[],
  rules: { readonly ignore: string | undefined; readonly file: string | undefined },
): readonly ListedObject[] {
  const files = rules.file === undefined ? [] : [{ directory: '', text: rules.file }]
  const ignored = ignoreRules({ ignore: rules.ignore, files, bare: true })
  return listed.filter(({ key }) => !key.endsWith('/') && key !== IGNORE_FILE && !ignored(key))
}

/** Why these keys cannot be the paths of a tree; undefined where they can. */
export function keysProblem(keys: readonly string[]): string | undefined {
  const bad = keys.find(isNoPath)
  if (bad !== undefined)
    return `the bucket has an object with the key ${JSON.stringify(bad.slice(0, 100))}, which no file may have; spec.ignore can leave it out`
  // In this order what is below an object comes right behind it.
  const ordered = keys.map((key) => key.replaceAll('/', '\0')).sort()
  const file = ordered.find((key, at) => ordered[at + 1]?.startsWith(`${key}\0`))
  if (file === undefined) return undefined
  return `the bucket has an object ${JSON.stringify(file.replaceAll('\0', '/'))} and others below it, which cannot be a file and a directory; spec.ignore can leave one out`
}

function isNoPath(key: string): boolean {
  const parts = key.split('/')
  const leads = parts.some((part) => part === '' || part === '.' || part === '..')
  return leads || /[\\\0\n]/.test(key) || Buffer.byteLength(key) > MAX_PATH_BYTES
}

/** The revision that objects make: the digest of their keys and entity tags, by key. Source: Flux, source-controller. */
export function revisionOf(etags: ReadonlyMap<string, string>): string {
  const sorted = [...etags].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return sha256(sorted.map(([key, etag]) => `${key} ${etag}\n`).join(''))
}
