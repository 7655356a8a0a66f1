/** Characters of an OCI digest that a chart's version carries. */
const DIGEST_CHARACTERS = 12
const VERSION = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/

export type TrackedVersion = { readonly version: string; readonly ociDigest: string } | { readonly problem: string }

/**
 * The version that a chart from an OCI artifact is released under: its own with the artifact's digest behind it, so that
 * a tag that was pushed again is a new version. A tag that is a version has to be the chart's. Source: Flux, helm-controller.
 * @param revision  `<tag>@sha256:<hex>`, or the digest alone
 */
export function trackedVersion(version: string, revision: string): TrackedVersion {
  const at = revision.lastIndexOf('@')
  const tag = revision.slice(0, Math.max(at, 0))
  const ociDigest = revision.slice(at + 1)
  const hex = /^sha\d+:([0-9a-f]{12,})$/.exec(ociDigest)?.[1]
  if (!hex) return { problem: `invalid artifact revision ${revision}` }
  const own = numberOf(version)
  if (own === undefined) return { problem: `invalid chart version ${version}` }
  const tagged = numberOf(tag.replace('_', '+'))
  if (tagged !== undefined && tagged !== own) return { problem: `artifact revision ${tag} does not match chart version ${version}` }
  return { version: `${own}+${hex.slice(0, DIGEST_CHARACTERS)}`, ociDigest }
}

/** The version without a leading `v` and what stands behind `+`. */
function numberOf(version: string): string | undefined {
  const [whole, major, minor = '0', patch = '0', pre = ''] = VERSION.exec(version) ?? []
  return whole === undefined ? undefined : `${major}.${minor}.${patch}${pre}`
}
