import { parse, stringify } from 'yaml'
import { LIKE_GO } from '../../proto/model/go-yaml.ts'
import type { Problem } from '../../proto/model/ids.ts'
import { isManifest, type Manifest, refOf } from '../../proto/model/manifest.ts'
import { SUBSTITUTE_SWITCH } from '../../proto/model/names.ts'
import { formatRef } from '../../proto/model/object-ref.ts'
import { expand } from './expand.ts'
import type { Strategy, Variables } from './model.ts'

export type Substituted = { readonly objects: readonly Manifest[] } | { readonly problems: readonly Problem[] }

/**
 * Substitutes variables in built objects, in their YAML form, which is read again afterwards: a value may so become a
 * number or a boolean. Objects labelled or annotated `substitute: disabled` are left alone. All problems are returned.
 *
 * @param strategy  `WithVariables` does nothing without variables, `Always` also resolves defaults then
 */
export function substitute(objects: readonly Manifest[], o: { readonly variables: Variables; readonly strategy: Strategy }): Substituted {
  if (o.variables.size === 0 && o.strategy === 'WithVariables') return { objects }
  const problems: Problem[] = []
  const done = objects.map((object) => {
    const result = isLeftAlone(object) ? object : substituteOne(object, o.variables)
    if (!('problem' in result) || isManifest(result)) return result as Manifest
    problems.push({ path: formatRef(refOf(object)), message: `variable substitution failed: ${String(result.problem)}` })
    return object
  })
  return problems.length > 0 ? { problems } : { objects: done }
}

function isLeftAlone({ metadata }: Manifest): boolean {
  return metadata.labels?.[SUBSTITUTE_SWITCH] === 'disabled' || metadata.annotations?.[SUBSTITUTE_SWITCH] === 'disabled'
}

function substituteOne(object: Manifest, variables: Variables): Manifest | { readonly problem: string } {
  // An object without expansions and escapes reads back as itself.
  if (!/\$[{$]/.test(JSON.stringify(object))) return object
  const text = stringify(object, { ...LIKE_GO, lineWidth: 0, singleQuote: true, blockQuote: 'literal', aliasDuplicateObjects: false })
  const expanded = expand(text, (name) => variables.get(name))
  if ('problem' in expanded) return expanded
  const again = parseAgain(expanded.text)
  return isManifest(again) ? again : { problem: 'the result is not a Kubernetes object; a value may have broken its YAML' }
}

/** The parser's own message would quote the line, and the line may hold a Secret's value. */
function parseAgain(text: string): unknown {
  try {
    return parse(text, { ...LIKE_GO, maxAliasCount: 0 })
  } catch {
    return undefined
  }
}
