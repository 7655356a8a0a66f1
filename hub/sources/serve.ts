import { parseDurationMs } from '../../proto/model/duration.ts'
import { parseGitRepository } from '../../proto/model/flux/parse.ts'
import { unserved, unservedMessage } from '../../proto/model/flux/unserved.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { unlistedHost } from './addresses.ts'
import { portOf, type SourceKey, type SourceOptions, type SourceProblem, sourceKey } from './model.ts'

/** What a source object asks to be fetched. */
export interface Served {
  readonly key: SourceKey
  readonly kind: 'GitRepository'
  readonly url: string
  readonly options: SourceOptions
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
}

/**
 * Which Source serves a GitRepository. Objects share one only where the same may be reached for them: those of tenants
 * never with the platform's, those of a tenant with a list of hosts with nobody whose list is another.
 * @returns undefined for other kinds; a problem when only a change of the object can help
 */
export function serve(
  manifest: Manifest,
  { credentialId, trusted, tenant }: Patron,
): Served | { readonly problem: SourceProblem & { readonly stalled: true } } | undefined {
  if (manifest.kind !== 'GitRepository') return undefined
  const parsed = parseGitRepository(manifest)
  if ('problems' in parsed) return stalled('URLInvalid', parsed.problems.map(({ path, message }) => `${path}: ${message}`).join('; '))
  const { spec } = parsed.object
  const parts = unserved(parsed.object)
  if (parts.length > 0) return stalled('FeatureGateDisabled', unservedMessage(parts))
  if (!URL.canParse(spec.url)) return stalled('URLInvalid', `${JSON.stringify(spec.url)} is not a URL`)
  const url = new URL(spec.url)
  const hosts = tenant?.hosts && [...new Set(tenant.hosts)].sort()
  const unlisted = unlistedHost(url.hostname, portOf(url), { hosts })
  if (unlisted)
    return stalled('AccessDenied', `tenant ${tenant?.tenant} may not fetch from there: ${unlisted}; an administrator can add it there`)
  const options: SourceOptions = { ref: spec.ref ?? {}, ...(spec.ignore === undefined ? {} : { ignore: spec.ignore }) }
  const locality = `${trusted ? 'hub' : 'hub/tenants'}${hosts ? `/${hosts.join(',')}` : ''}`
  return {
    key: sourceKey({ kind: 'GitRepository', url: spec.url, options, credentialId, locality }),
    kind: 'GitRepository',
    url: spec.url,
    options,
    credentialId,
    trusted,
    hosts,
    intervalMs: parseDurationMs(spec.interval) ?? 60_000,
    timeoutMs: parseDurationMs(spec.timeout) ?? 60_000,
  }
}

function stalled(reason: string, message: string): { readonly problem: SourceProblem & { readonly stalled: true } } {
  return { problem: { reason, message, stalled: true } }
}
