/** What the hub may connect to for one source. */
export interface AddressPolicy {
  /** Private networks too: the source belongs to the platform. */
  readonly privateNetworks: boolean
  /** Host names (`git.internal`, `*.corp.example`), addresses or networks (`10.1.0.0/16`) that are allowed whatever they are. */
  readonly allow: readonly string[]
  /** The only hosts to fetch from, as the tenant's `spec.sources.hosts` has them; undefined for every one. */
  readonly hosts?: readonly string[] | undefined
}

type Range = 'public' | 'loopback' | 'link-local' | 'private' | 'reserved'

const SETTING = 'FLOTILLA_FETCH_ALLOW'

/** Why the tenant's own list keeps its sources from this host; undefined where it does not. */
export function unlistedHost(host: string, port: number, { hosts }: Pick<AddressPolicy, 'hosts'>): string | undefined {
  if (!hosts || hosts.some((entry) => lists(entry, bare(host), port))) return undefined
  return `${host} is not among the hosts that spec.sources.hosts of the tenant names (${hosts.join(', ') || 'none'})`
}

/** Why nothing is fetched from this host, before its name is resolved; undefined where the name is no obstacle. */
export function refusedHost(host: string, policy: AddressPolicy): string | undefined {
  const name = bare(host)
  if (isAllowedName(name, policy)) return undefined
  if (parseAddress(name)) return refusedAddress(name, policy)
  if (name === 'localhost' || name.endsWith('.localhost')) return refusal(host, 'is a loopback name')
  if (/\.(svc|cluster\.local)$|\.svc\./.test(name)) return refusal(host, 'is a name inside a cluster, which the hub cannot reach')
  return undefined
}

/** Why nothing is fetched from this address, the one that is about to be connected to; `host` is the name it was found by. */
export function refusedAddress(address: string, policy: AddressPolicy, host = address): string | undefined {
  if (isAllowedName(bare(host), policy)) return undefined
  const parsed = parseAddress(bare(address))
  if (!parsed) return refusal(host, 'has an address that cannot be read')
  if (policy.allow.some((entry) => inNetwork(parsed, entry))) return undefined
  const range = rangeOf(parsed)
  if (range === 'public') return undefined
  const named = policy.hosts?.some((entry) => lists(entry, bare(host))) === true
  if (range === 'private' && (policy.privateNetworks || named)) return undefined
  const what = range === 'private' ? 'is in a private network' : `is a ${range} address`
  return refusal(host, host === address ? what : `leads to ${address}, which ${what}`)
}

function refusal(host: string, why: string): string {
  return `${host} ${why}; the hub does not fetch from there unless ${SETTING} names it`
}

function bare(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .replace(/%.*$/, '')
}

function isAllowedName(name: string, policy: AddressPolicy): boolean {
  return policy.allow.some((entry) => names(entry, name))
}

function names(entry: string, name: string): boolean {
  const allowed = entry.toLowerCase()
  return allowed.startsWith('*.') ? name.endsWith(allowed.slice(1)) : name === allowed
}

/** Whether an entry of a tenant's list, which may have a port, stands for the host; any port where one of them says none. */
function lists(entry: string, name: string, port?: number): boolean {
  const [host = '', only] = entry.split(':')
  return names(host, name) && (only === undefined || port === undefined || Number(only) === port)
}

/** An address as its 16-bit groups; IPv4 as mapped into IPv6, so that one table of networks holds for both. */
function parseAddress(text: string): readonly number[] | undefined {
  const v4 = parseV4(text)
  if (v4) return [0, 0, 0, 0, 0, 0xffff, ...v4]
  if (!text.includes(':')) return undefined
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  const embedded = tail ? parseV4(tail[2] ?? '') : undefined
  if (tail && !embedded) return undefined
  const plain = embedded ? `${tail?.[1]}${embedded.map((group) => group.toString(16)).join(':')}` : text
  const halves = plain.split('::')
  if (halves.length > 2) return undefined
  const [head = [], rest = []] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const missing = 8 - head.length - rest.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...head, ...Array<string>(missing).fill('0'), ...rest]
  return groups.every((group) => /^[0-9a-f]{1,4}$/.test(group)) ? groups.map((group) => Number.parseInt(group, 16)) : undefined
}

function parseV4(text: string): readonly [number, number] | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number)
  if (!parts || parts.some((part) => part > 255)) return undefined
  const [a = 0, b = 0, c = 0, d = 0] = parts
  return [a * 256 + b, c * 256 + d]
}

function rangeOf(address: readonly number[]): Range {
  for (const carrier of ['::ffff:0:0/96', '64:ff9b::/96', '::/96']) if (inNetwork(address, carrier)) return rangeOfV4(address.slice(6))
  if (inNetwork(address, '2002::/16')) return rangeOfV4(address.slice(1, 3))
  return NETWORKS_V6.find(([network]) => inNetwork(address, network))?.[1] ?? 'public'
}

function rangeOfV4(groups: readonly number[]): Range {
  if (groups[0] === 0 && groups[1] === 1) return 'loopback'
  const address = [0, 0, 0, 0, 0, 0xffff, ...groups]
  return NETWORKS_V4.find(([network]) => inNetwork(address, network))?.[1] ?? 'public'
}

const NETWORKS_V4: readonly (readonly [string, Range])[] = [
  ['0.0.0.0/8', 'reserved'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'private'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'reserved'],
  ['192.168.0.0/16', 'private'],
  ['198.18.0.0/15', 'private'],
  ['224.0.0.0/3', 'reserved'],
]

const NETWORKS_V6: readonly (readonly [string, Range])[] = [
  ['fe80::/10', 'link-local'],
  ['fd00:ec2::254/128', 'link-local'],
  ['fc00::/7', 'private'],
  ['fec0::/10', 'private'],
  ['ff00::/8', 'reserved'],
  ['100::/64', 'reserved'],
]

function inNetwork(address: readonly number[], entry: string): boolean {
  const [base = '', length] = entry.toLowerCase().split('/')
  const network = parseAddress(base)
  if (!network) return false
  const bits = length === undefined ? 128 : Number(length) + (base.includes(':') ? 0 : 96)
  if (!Number.isInteger(bits) || bits < 0 || bits > 128) return false
  return network.every((group, at) => {
    const kept = Math.min(16, Math.max(0, bits - at * 16))
    const mask = kept === 0 ? 0 : (0xffff << (16 - kept)) & 0xffff
    return ((group ^ (address[at] ?? 0)) & mask) === 0
  })
}
