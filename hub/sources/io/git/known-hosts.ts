import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** A host key that a `known_hosts` file pins for one host. */
export interface PinnedKey {
  readonly type: string
  readonly key: Buffer
  readonly revoked: boolean
}

/** The keys that `known_hosts` has for a host and port: plain, `[host]:port`, wildcard, negated and hashed names. Certificate authorities are not used. */
export function pinnedKeys(text: string, host: string, port: number): readonly PinnedKey[] {
  const names = port === 22 ? [host.toLowerCase(), `[${host.toLowerCase()}]:22`] : [`[${host.toLowerCase()}]:${port}`]
  return text.split(/\r?\n/).flatMap((line) => {
    const fields = line.trim().split(/\s+/)
    const marker = fields[0]?.startsWith('@') ? fields.shift() : undefined
    const [hosts = '', type = '', key = ''] = fields
    if (hosts === '' || hosts.startsWith('#') || key === '' || marker === '@cert-authority') return []
    if (!namesHost(hosts, names)) return []
    return [{ type, key: Buffer.from(key, 'base64'), revoked: marker === '@revoked' }]
  })
}

/** True when the key is pinned and not revoked. */
export function isPinned(keys: readonly PinnedKey[], key: Buffer): boolean {
  const same = keys.filter((pinned) => pinned.key.length === key.length && timingSafeEqual(pinned.key, key))
  return same.length > 0 && same.every(({ revoked }) => !revoked)
}

/** `SHA256:…` as ssh shows it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
}

function namesHost(patterns: string, names: readonly string[]): boolean {
  if (patterns.startsWith('|1|')) return names.some((name) => hashedAs(patterns, name))
  let matched = false
  for (const pattern of patterns.toLowerCase().split(',')) {
    const negated = pattern.startsWith('!')
    const expression = new RegExp(
      `^${pattern
        .replace(/^!/, '')
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replace(/\*+/g, '.*')
        .replaceAll('?', '.')}$`,
    )
    if (!names.some((name) => expression.test(name))) continue
    if (negated) return false
    matched = true
  }
  return matched
}

function hashedAs(entry: string, name: string): boolean {
  const [, , salt = '', hash = ''] = entry.split('|')
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash
}
