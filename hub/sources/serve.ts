import { parseDurationMs } from '../../proto/model/duration.ts'
import { parseGitRepository } from '../../proto/model/flux/parse.ts'
import { unserved, unservedMessage } from '../../proto/model/flux/unserved.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { type SourceKey, type SourceOptions, type SourceProblem, sourceKey } from './model.ts'

/** What a source object asks to be fetched. */
export interface Served {
  readonly key: SourceKey
  readonly kind: 'GitRepository'
  readonly url: string
  readonly options: SourceOptions
  readonly credentialId: string | undefined
  readonly trusted: boolean
  readonly intervalMs: number
  readonly timeoutMs: number
}

/**
 * Which Source serves a GitRepository. Objects of tenants never share one with the platform's: what may be reached differs.
 * @returns undefined for other kinds; a problem when only a change of the object can help
 */
export function serve(
  manifest: Manifest,
  { credentialId, trusted }: { readonly credentialId: string | undefined; readonly trusted: boolean },
): Served | { readonly problem: SourceProblem & { readonly stalled: true } } | undefined {
  if (manifest.kind !== 'GitRepository') return undefined
  const parsed = parseGitRepository(manifest)
  if ('problems' in parsed) return stalled('URLInvalid', parsed.problems.map(({ path, message }) => `${path}: ${message}`).join('; '))
  const { spec } = parsed.object
  const parts = unserved(parsed.object)
  if (parts.length > 0) return stalled('FeatureGateDisabled', unservedMessage(parts))
  if (!URL.canParse(spec.url)) return stalled('URLInvalid', `${JSON.stringify(spec.url)} is not a URL`)
  const options: SourceOptions = { ref: spec.ref ?? {}, ...(spec.ignore === undefined ? {} : { ignore: spec.ignore }) }
  const locality = trusted ? 'hub' : 'hub/tenants'
  return {
    key: sourceKey({ kind: 'GitRepository', url: spec.url, options, credentialId, locality }),
    kind: 'GitRepository',
    url: spec.url,
    options,
    credentialId,
    trusted,
    intervalMs: parseDurationMs(spec.interval) ?? 60_000,
    timeoutMs: parseDurationMs(spec.timeout) ?? 60_000,
  }
}

function stalled(reason: string, message: string): { readonly problem: SourceProblem & { readonly stalled: true } } {
  return { problem: { reason, message, stalled: true } }
}
