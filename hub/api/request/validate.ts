import type { Problem } from '../../../proto/model/ids.ts'
import { isManifest, type Manifest } from '../../../proto/model/manifest.ts'
import type { ResourceKind } from '../../../proto/model/resource/kind.ts'
import { parseResource } from '../../../proto/model/resource/parse.ts'

/** What becomes of members that the schema does not know. */
export const FIELD_VALIDATION = ['Strict', 'Warn', 'Ignore'] as const
export type FieldValidation = (typeof FIELD_VALIDATION)[number]

export type Validated =
  | { readonly kind: 'valid'; readonly manifest: Manifest; readonly warnings: readonly string[] }
  /** Members that nobody knows, under `Strict`. */
  | { readonly kind: 'unknown'; readonly problems: readonly Problem[] }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }

/** The manifest as it would be stored, defaults applied, or every problem with its path. */
export function validate(kind: ResourceKind, value: unknown, fields: FieldValidation): Validated {
  if (!isManifest(value)) return { kind: 'invalid', problems: [{ path: '', message: 'must have apiVersion, kind and metadata.name' }] }
  const strict = parseResource(kind, value, { strict: true })
  const found = 'problems' in strict ? strict.problems : []
  const unknown = found.filter(({ message }) => message === 'unknown field')
  const wrong = found.filter(({ message }) => message !== 'unknown field')
  if (fields === 'Strict' && unknown.length > 0) return { kind: 'unknown', problems: found }
  if (wrong.length > 0) return { kind: 'invalid', problems: wrong }
  const parsed = parseResource(kind, value, { strict: false })
  if ('problems' in parsed) return { kind: 'invalid', problems: parsed.problems }
  const { spec } = parsed.object
  const manifest: Manifest = { ...known(value, kind), spec }
  return { kind: 'valid', manifest, warnings: fields === 'Warn' ? unknown.map(({ path }) => `unknown field "${path}"`) : [] }
}

export function parseFieldValidation(text: string | undefined): FieldValidation {
  return FIELD_VALIDATION.find((one) => one === text) ?? 'Warn'
}

function known({ apiVersion, kind, metadata, status }: Manifest, { status: schema }: ResourceKind): Manifest {
  return { apiVersion, kind, metadata, ...(schema && status !== undefined ? { status } : {}) }
}
