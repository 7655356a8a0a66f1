/** Variables of one Kustomization; values without newlines. */
export type Variables = ReadonlyMap<string, string>

/** What the objects named by substituteFrom hold, in their order, decoded. */
export type VariableSource = Readonly<Record<string, string>>

export const STRATEGIES = ['WithVariables', 'Always'] as const
export type Strategy = (typeof STRATEGIES)[number]
