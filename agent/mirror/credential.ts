/** Keys of a Secret that a GitRepository's secretRef defines; nothing else of it leaves the cluster. Source: Flux, source-controller. */
const GIT_KEYS = [
  'username',
  'password',
  'bearerToken',
  'identity',
  'identity.pub',
  'known_hosts',
  'ca.crt',
  'caFile',
  'tls.crt',
  'certFile',
  'tls.key',
  'keyFile',
] as const

/** The members of a Secret's data that authenticate against a git server, decoded. */
export function gitCredential(data: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const found = GIT_KEYS.flatMap((key) => {
    const value = data[key]
    return typeof value === 'string' ? [[key, Buffer.from(value, 'base64').toString('utf8')] as const] : []
  })
  return Object.fromEntries(found)
}
