import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { versionOf } from '../../proto/model/object-ref.ts'
import { matches, parseSelector } from '../../proto/model/selector.ts'

/** Fields that others may change, of all objects or of those that a target names. */
export interface IgnoreRule {
  /** JSON pointers. */
  readonly paths: readonly string[]
  readonly target?:
    | {
        readonly group?: string
        readonly version?: string
        readonly kind?: string
        readonly name?: string
        readonly namespace?: string
        readonly labelSelector?: string
        readonly annotationSelector?: string
      }
    | undefined
}

/** The paths of `found` that no rule for this object covers: a rule for a path holds for all under it. */
export function withoutIgnored(object: Manifest, found: readonly string[], rules: readonly IgnoreRule[]): readonly string[] {
  const ignored = ignoredPaths(object, rules)
  return found.filter((path) => !ignored.some((ignore) => ignore === '' || path === ignore || path.startsWith(`${ignore}/`)))
}

/** The paths that rules for this object name. */
export function ignoredPaths(object: Manifest, rules: readonly IgnoreRule[]): readonly string[] {
  return rules.filter((rule) => isFor(object, rule)).flatMap(({ paths }) => paths)
}

function isFor(object: Manifest, { target }: IgnoreRule): boolean {
  if (!target) return true
  const { group, kind, name, namespace } = refOf(object)
  return (
    (
      [
        [target.group, group],
        [target.version, versionOf(object.apiVersion)],
        [target.kind, kind],
        [target.name, name],
        [target.namespace, namespace],
      ] as const
    ).every(([pattern, text]) => isLike(pattern, text ?? '')) &&
    isSelected(target.labelSelector, object.metadata.labels) &&
    isSelected(target.annotationSelector, object.metadata.annotations)
  )
}

/** A whole text by a regular expression; one that could be made to take for ever is like nothing. */
function isLike(pattern: string | undefined, text: string): boolean {
  if (!pattern) return true
  if (pattern.length > 253 || /\)[*+{?]|\\\d|\(\?/.test(pattern)) return false
  try {
    return new RegExp(`^(?:${pattern})$`).test(text)
  } catch {
    return false
  }
}

function isSelected(text: string | undefined, values: Readonly<Record<string, string>> = {}): boolean {
  if (!text) return true
  const selector = parseSelector(text)
  return Array.isArray(selector) && matches(selector, values)
}
