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

/** What of a GitRepository decides which content it has, beside its address and credential. */
export interface GitOptions {
  readonly ref: GitRef
  /** Nothing is fetched but through the proxy that comes with the credential. */
  readonly proxied?: true | undefined
  /** `spec.ignore`; undefined lets the default exclusions hold. */
  readonly ignore?: string | undefined
}

/** Which artifact of a registry's repository; `digest` wins over `semver`, `semver` over `tag`. */
export interface OciRef {
  readonly tag?: string | undefined
  readonly semver?: string | undefined
  readonly semverFilter?: string | undefined
  readonly digest?: string | undefined
}

export interface OciOptions {
  readonly ref: OciRef
  readonly ignore?: string | undefined
  /** Media type of the layer to take; the first layer where absent. */
  readonly mediaType?: string | undefined
  /** The layer is kept as it is, instead of what is packed in it. */
  readonly copy?: true | undefined
  /** Plain HTTP. */
  readonly insecure?: true | undefined
  /** One of the public keys that come with the credential must have signed. */
  readonly signed?: true | undefined
  /** Nothing is fetched but through the proxy that comes with the credential. */
  readonly proxied?: true | undefined
}

/** What of a Bucket decides which content it has, beside its address and credential. */
export interface BucketOptions {
  /** Its name, for people: the address has it too. */
  readonly bucket: string
  readonly prefix?: string | undefined
  /** `spec.ignore`: wins over the ignore file at the root of the bucket. */
  readonly ignore?: string | undefined
  readonly region?: string | undefined
  /** The credential must have keys; without them nothing is asked for. */
  readonly keyed?: true | undefined
  /** Nothing is fetched but through the proxy that comes with the credential. */
  readonly proxied?: true | undefined
}

/** What of a HelmRepository decides which index it has: nothing but its address and credential. */
export interface IndexOptions {
  /** The credential goes to other hosts too, as the index and redirects name them. */
  readonly passCredentials?: true | undefined
}

/** What a repository had when it was suspended: what is taken from it is looked for there, and nowhere newer. */
export interface Frozen {
  readonly revision: string
  /** Digest of its tree. */
  readonly artifact: string
}

/** Which chart, from where, and how it is packed. The address is that of the repository. */
export interface ChartOptions {
  /** Name in a Helm repository, path in a git repository or bucket. */
  readonly chart: string
  /** Range of versions; of no account in git and buckets. */
  readonly version: string
  /** A git repository's options; absent for anything else. */
  readonly git?: GitOptions | undefined
  /** A bucket's options; absent for anything else. */
  readonly bucket?: BucketOptions | undefined
  /** The repository's revision is written into the chart's version. */
  readonly byRevision?: true | undefined
  readonly valuesFiles?: readonly string[] | undefined
  readonly ignoreMissingValuesFiles?: true | undefined
  /** Of the object, where values files make it part of the version. */
  readonly generation?: number | undefined
  readonly passCredentials?: true | undefined
  readonly insecure?: true | undefined
  /** The vault's id of the public keys one of which must have signed; the credential is the repository's. */
  readonly signers?: string | undefined
  /** Absent while the repository is not suspended. */
  readonly frozen?: Frozen | undefined
}

export interface OptionsByKind {
  readonly GitRepository: GitOptions
  readonly OCIRepository: OciOptions
  readonly Bucket: BucketOptions
  readonly HelmRepository: IndexOptions
  readonly HelmChart: ChartOptions
}

/** The kinds of objects that the hub fetches for. */
export type SourceKind = keyof OptionsByKind
/** What of a source object decides which content it has, beside its address and credential. */
export type SourceOptions = OptionsByKind[SourceKind]

/** A kind with the options that belong to it. */
export type KindAndOptions = { [Kind in SourceKind]: { readonly kind: Kind; readonly options: OptionsByKind[Kind] } }[SourceKind]

/** A Source as objects ask for it; equal specs are fetched once for the whole fleet. */
export type SourceSpec = KindAndOptions & {
  readonly url: string
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

/** The commit behind a revision, or what is known of an artifact's making. Times are Unix seconds. */
export interface Commit {
  readonly oid: string
  readonly author: string
  readonly subject: string
  readonly at: number
}

/** The key of a Source: equal for objects that may share one fetch, and only for them. */
export function sourceKey(spec: SourceSpec): SourceKey {
  const { kind, credentialId, options } = spec
  const content = { locality: spec.locality ?? HUB, kind, url: normaliseUrl(spec.url), options, credential: credentialId ?? null }
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

/** Where addresses mean something that no object says more of. */
const HUB = 'hub'

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443', 'oci:': '443', 'ssh:': '22' }
