import type { Problem } from '../../../proto/model/ids.ts'
import { parseSelector, type Selector } from '../../../proto/model/selector.ts'
import type { PageKey } from '../../objects/model.ts'

/** What a client asks of a list or watch. */
export interface ListOptions {
  readonly labels: Selector
  readonly fields: readonly FieldRequirement[]
  readonly limit: number | undefined
  readonly after: Continue | undefined
  readonly watch: boolean
  readonly resourceVersion: string | undefined
  readonly bookmarks: boolean
  readonly initialEvents: boolean
  readonly timeoutMs: number | undefined
}

export interface FieldRequirement {
  readonly path: string
  readonly equal: boolean
  readonly value: string
}

/** Where a list goes on, and the version that its first page had. */
export interface Continue extends PageKey {
  readonly resourceVersion: string
}

type Query = Readonly<Record<string, string>>

/** Reads list parameters, or says everything that is wrong with them. */
export function parseListOptions(query: Query): ListOptions | { readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  const wrong = (path: string, message: string) => {
    problems.push({ path, message })
  }
  const labels = parseSelector(query.labelSelector ?? '')
  if ('problem' in labels) wrong('labelSelector', labels.problem)
  const fields = parseFieldSelector(query.fieldSelector ?? '')
  if (!fields) wrong('fieldSelector', `cannot read ${JSON.stringify(query.fieldSelector)}`)
  const limit = whole(query.limit)
  if (Number.isNaN(limit)) wrong('limit', 'must be a whole number')
  const after = query.continue ? decodeContinue(query.continue) : undefined
  if (query.continue && !after) wrong('continue', 'is none of this hub’s; start the list again')
  const timeout = whole(query.timeoutSeconds)
  if (Number.isNaN(timeout)) wrong('timeoutSeconds', 'must be a whole number')
  if (problems.length > 0) return { problems }
  return {
    labels: 'problem' in labels ? [] : labels,
    fields: fields ?? [],
    limit: limit || undefined,
    after,
    watch: truth(query.watch),
    resourceVersion: query.resourceVersion || undefined,
    bookmarks: truth(query.allowWatchBookmarks),
    initialEvents: truth(query.sendInitialEvents),
    timeoutMs: timeout ? timeout * 1000 : undefined,
  }
}

/** `a=b,c!=d`, as kubectl writes field selectors. */
export function parseFieldSelector(text: string): readonly FieldRequirement[] | undefined {
  const parts = text.split(',').filter((part) => part.trim() !== '')
  const out = parts.map((part) => /^\s*([A-Za-z][\w.]*)\s*(!=|==|=)\s*(.*?)\s*$/.exec(part))
  if (out.includes(null)) return undefined
  return out.flatMap((found) => (found ? [{ path: found[1] ?? '', equal: found[2] !== '!=', value: found[3] ?? '' }] : []))
}

/** The value that a field must have, if the selector says so. */
export function fieldEquals(fields: readonly FieldRequirement[], path: string): string | undefined {
  return fields.find((field) => field.equal && field.path === path)?.value
}

export function encodeContinue(next: Continue): string {
  return btoa(JSON.stringify([next.resourceVersion, next.namespace, next.name, next.scope])).replaceAll('=', '')
}

function decodeContinue(text: string): Continue | undefined {
  try {
    const parts: unknown = JSON.parse(atob(text))
    if (!Array.isArray(parts) || parts.length !== 4 || !parts.every((part) => typeof part === 'string')) return undefined
    const [resourceVersion = '', namespace = '', name = '', scope = ''] = parts as string[]
    return { resourceVersion, namespace, name, scope }
  } catch {
    return undefined
  }
}

function whole(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  return /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
}

function truth(text: string | undefined): boolean {
  return text === 'true' || text === '1'
}
