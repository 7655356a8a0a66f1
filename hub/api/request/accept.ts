/** How the answer should look. */
export type Form = 'object' | 'table' | 'metadata' | 'aggregated-discovery'

const FORMS: Readonly<Record<string, Form>> = {
  Table: 'table',
  PartialObjectMetadata: 'metadata',
  PartialObjectMetadataList: 'metadata',
  APIGroupDiscoveryList: 'aggregated-discovery',
}

/** The first form in an Accept header that can be served; plain JSON where nothing else can, undefined when not even that. */
export function negotiate(accept: string): Form | undefined {
  if (accept.trim() === '') return 'object'
  for (const part of accept.split(',')) {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim())
    if (!/^(application\/json|\*\/\*|application\/\*)$/.test(type)) continue
    const named = Object.fromEntries(parameters.map((text) => text.split('=') as [string, string]))
    if (named.as === undefined) return 'object'
    const form = FORMS[named.as]
    if (form && (named.v === 'v1' || named.v === 'v2')) return form
  }
  return undefined
}
