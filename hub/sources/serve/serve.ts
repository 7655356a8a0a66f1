import { parseDurationMs } from '../../../proto/model/duration.ts'
import { fluxKindOf } from '../../../proto/model/flux/kinds.ts'
import { parseFluxObject } from '../../../proto/model/flux/parse.ts'
import { unserved, unservedMessage } from '../../../proto/model/flux/unserved.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { unlistedHost } from '../addresses.ts'
import { type KindAndOptions, portOf, type SourceKey, sourceKey } from '../model.ts'
import { type Asked, stalled, type Unserved, type Upstream } from './asked.ts'
import { askedOfChart } from './chart.ts'
import { askedOfRepository, type Static } from './repositories.ts'

/** What a source object asks to be fetched. */
export type Served = KindAndOptions & {
  readonly key: SourceKey
  /** The key that it would have if its repository were not suspended: what the object has of that one, it keeps. */
  readonly thawed?: SourceKey
  readonly url: string
  readonly credentialId: string | undefined
  readonly trusted: boolean
  readonly hosts: readonly string[] | undefined
  readonly intervalMs: number
  readonly timeoutMs: number
}

/** For whom a source object is served. */
export interface Patron {
  readonly credentialId: string | undefined
  /** The object is the platform's: private addresses may be fetched. */
  readonly trusted: boolean
  /** Whose its namespace is, and what `spec.sources.hosts` says there; undefined where it is nobody's. */
  readonly tenant: { readonly tenant: string; readonly hosts: readonly string[] | undefined } | undefined
  /** Of the object; the version of a chart can depend on it. */
  readonly generation?: number
  /** What the object, if it is a chart, is taken from. */
  readonly upstream?: Upstream | undefined
}

/**
 * Which Source serves a source object. Objects share one only where the same may be reached for them: those of tenants
 * never with the platform's, those of a tenant with a list of hosts with nobody whose list is another.
 * @returns undefined for other kinds; `static` where there is an object but nothing to fetch; a problem when nothing can be fetched
 */
export function serve(manifest: Manifest, patron: Patron): Served | Unserved | Static | undefined {
  if (!FETCHED.includes(fluxKindOf(manifest)?.kind ?? '')) return undefined
  const parsed = parseFluxObject(manifest)
  if ('problems' in parsed) return stalled('URLInvalid', parsed.problems.map(({ path, message }) => `${path}: ${message}`).join('; '))
  const { object } = parsed
  const parts = unserved(object)
  if (parts.length > 0) return stalled('FeatureGateDisabled', unservedMessage(parts))
  if (object.kind !== 'HelmChart') return servedAs(askedOfRepository(object), patron, patron.credentialId)
  const { credentialId: signers, generation = 0, upstream } = patron
  return servedAs(askedOfChart(object, { generation, signers }, upstream), patron, upstream?.credentialId)
}

const FETCHED: readonly string[] = ['GitRepository', 'OCIRepository', 'Bucket', 'HelmRepository', 'HelmChart']

function servedAs(
  asked: Asked | Unserved | Static | undefined,
  { tenant, trusted }: Patron,
  credentialId: string | undefined,
): Served | Unserved | Static | undefined {
  if (!asked || 'static' in asked || 'problem' in asked) return asked
  const { interval, timeout, url: address, ...what } = asked
  if (!URL.canParse(address)) return stalled('URLInvalid', `${JSON.stringify(address)} is not a URL`)
  const url = new URL(address)
  const hosts = tenant?.hosts && [...new Set(tenant.hosts)].sort()
  const unlisted = unlistedHost(url.hostname, portOf(url), { hosts })
  if (unlisted)
    return stalled('AccessDenied', `tenant ${tenant?.tenant} may not fetch from there: ${unlisted}; an administrator can add it there`)
  const locality = `${trusted ? 'hub' : 'hub/tenants'}${hosts ? `/${hosts.join(',')}` : ''}`
  const keyOf = (some: KindAndOptions) => sourceKey({ ...some, url: address, credentialId, locality })
  return {
    ...what,
    key: keyOf(what),
    ...thawedOf(what, keyOf),
    url: address,
    credentialId,
    trusted,
    hosts,
    intervalMs: parseDurationMs(interval) ?? 60_000,
    timeoutMs: parseDurationMs(timeout ?? '') ?? 60_000,
  }
}

function thawedOf(what: KindAndOptions, keyOf: (what: KindAndOptions) => SourceKey): Pick<Served, 'thawed'> {
  if (what.kind !== 'HelmChart' || !what.options.frozen) return {}
  const { frozen: _, ...options } = what.options
  return { thawed: keyOf({ kind: what.kind, options }) }
}
