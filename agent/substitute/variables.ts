import type { Problem } from '../../proto/model/ids.ts'
import type { VariableSource, Variables } from './model.ts'

const NAME = /^[_\p{L}][_\p{L}\p{N}]*$/u

/**
 * The variables of a Kustomization: later sources win over earlier ones, inline values over all.
 * Newlines are taken out of values, so that a value cannot add lines to the YAML it lands in.
 */
export function collectVariables(sources: readonly VariableSource[], inline: VariableSource = {}): Variables | readonly Problem[] {
  const problems: Problem[] = []
  const variables = new Map<string, string>()
  for (const source of [...sources, inline])
    for (const [name, value] of Object.entries(source)) {
      if (!NAME.test(name))
        problems.push({ path: name, message: `'${name}' var name is invalid, must match '^[_[:alpha:]][_[:alpha:][:digit:]]*$'` })
      variables.set(name, value.replaceAll('\n', ''))
    }
  return problems.length > 0 ? problems : variables
}
