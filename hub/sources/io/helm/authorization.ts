import type { FetchRequest } from '../../ports.ts'
import type { OpenCredential } from '../open-credential.ts'

/** What to show to an address: the repository's own origin is shown its credential, others only where the object passes it on. */
export function repositoryAuthorization(
  { options, url }: Pick<FetchRequest, 'url'> & { readonly options: { readonly passCredentials?: true | undefined } },
  { basic }: OpenCredential,
): (to: URL) => string | undefined {
  if (!basic) return () => undefined
  const { origin } = new URL(url)
  const shown = `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString('base64')}`
  return (to) => (to.origin === origin || options.passCredentials ? shown : undefined)
}
