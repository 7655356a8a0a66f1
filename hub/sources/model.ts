import { canonicalJson } from '../../proto/base/canonical.ts'
import { sha256 } from '../../proto/base/hash.ts'
import type { Brand } from '../../proto/model/ids.ts'

/** Which commit of a repository; `commit` wins over `name`, `semver`, `tag`, `branch`, in this order. */
export interface GitRef {
  readonly branch?: string | undefined
  readonly tag?: string | undefined
  readonly semver?: string | undefined
  readonly name?: string | undefined
  readonly commit?: string | undefined
}

/** What of a source object decides which content it has, beside its address and credential. */
export interface SourceOptions {
  readonly ref: GitRef
  /** `spec.ignore`; undefined lets the default exclusions hold. */
  readonly ignore?: string | undefined
}

/** A Source as objects ask for it; equal specs are fetched once for the whole fleet. */
export interface SourceSpec {
  readonly kind: 'GitRepository'
  readonly url: string
  readonly options: SourceOptions
  /** The vault's id of the credential; undefined for none. */
  readonly credentialId?: string | undefined
  /** Where the address means something: the hub, or one cluster. */
  readonly locality?: string | undefined
}

/** Identity of a Source. Persisted: do not change. */
export type SourceKey = Brand<'SourceKey'>

/** Why a source has no (new) content; `reason` is a Flux condition reason. */
export interface SourceProblem {
  readonly reason: string
  readonly message: string
  /** True when only a change of the object or of the hub's configuration can help. */
  readonly stalled?: boolean
}

/** The commit behind a revision. Times are Unix seconds. */
export interface Commit {
  readonly oid: string
  readonly author: string
  readonly subject: string
  readonly at: number
}

/** The key of a Source: equal for objects that may share one fetch, and only for them. */
export function sourceKey(spec: SourceSpec): SourceKey {
  const { kind, credentialId, options } = spec
  const content = { locality: spec.locality ?? 'hub', kind, url: normaliseUrl(spec.url), options, credential: credentialId ?? null }
  return sha256(canonicalJson(content)) as string as SourceKey
}

/** Address in one spelling: scheme and host in lower case, no default port, no slash at the end; a password in it never counts. */
export function normaliseUrl(text: string): string {
  if (!URL.canParse(text)) return text
  const url = new URL(text)
  url.password = ''
  if (url.protocol !== 'ssh:') url.username = ''
  const port = url.port === DEFAULT_PORTS[url.protocol] ? '' : url.port
  const user = url.username === '' ? '' : `${url.username}@`
  const host = url.hostname.toLowerCase() + (port === '' ? '' : `:${port}`)
  return `${url.protocol}//${user}${host}${url.pathname.replace(/\/+$/, '')}${url.search}`
}

/** The port that an address means. */
export function portOf({ port, protocol }: URL): number {
  return Number(port === '' ? (DEFAULT_PORTS[protocol] ?? 0) : port)
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443', 'ssh:': '22' }
