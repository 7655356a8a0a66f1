/** How a registry wants to be shown who asks. */
export type Challenge =
  | { readonly kind: 'basic' }
  | { readonly kind: 'bearer'; readonly realm: string; readonly service: string | undefined; readonly scope: string | undefined }

/** Reads a WWW-Authenticate header; undefined where it asks for something else. */
export function parseChallenge(header: string): Challenge | undefined {
  if (/^\s*basic\b/i.test(header)) return { kind: 'basic' }
  if (!/^\s*bearer\b/i.test(header)) return undefined
  const values = new Map([...header.matchAll(/([a-z_]+)="([^"]*)"/gi)].map(([, name = '', value = '']) => [name.toLowerCase(), value]))
  const realm = values.get('realm')
  return realm === undefined ? undefined : { kind: 'bearer', realm, service: values.get('service'), scope: values.get('scope') }
}

/** Address of a token for reading a repository; undefined where the realm is no place that a credential may be sent to. */
export function tokenUrl({ realm, service }: Extract<Challenge, { kind: 'bearer' }>, repository: string, from: string): URL | undefined {
  if (!URL.canParse(realm)) return undefined
  const url = new URL(realm)
  // A registry that is asked over TLS does not send credentials elsewhere in the clear.
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && from.startsWith('http:'))) return undefined
  if (service) url.searchParams.set('service', service)
  url.searchParams.set('scope', `repository:${repository}:pull`)
  return url
}
