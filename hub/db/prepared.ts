const names = new Map<string, string>()

/**
 * Has each connection keep the plan of a statement that is asked often: for the long ones planning is most of the work. Only for
 * texts that are constants, that name the columns which they return, and whose plan is the right one for any values.
 */
export function prepared(text: string): string {
  if (!names.has(text)) names.set(text, `s${names.size}`)
  return text
}

/** By what name connections know a statement; undefined for one that is planned each time. */
export const preparedAs = (text: string): string | undefined => names.get(text)
