import { z } from 'zod'

/** What a schema gives back, readonly through and through. */
export type Infer<Schema extends z.ZodType> = DeepReadonly<z.infer<Schema>>

export type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T

/** A Go duration with any of the units that Flux takes. */
export const duration = () => z.string().regex(/^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$/)
/** A Go duration without hours: the form of every source's `timeout`. */
export const shortDuration = () => z.string().regex(/^([0-9]+(\.[0-9]+)?(ms|s|m))+$/)
export const instant = () => z.string().meta({ format: 'date-time' })
export const stringMap = () => z.record(z.string(), z.string())
/** A JSON object whose members are unknown. */
export const anyObject = () => z.record(z.string(), z.unknown()).meta({ 'x-kubernetes-preserve-unknown-fields': true })

/** A CEL rule of a CRD and the same rule for our own parser. */
export interface Rule<Value> {
  readonly rule: string
  readonly message: string
  readonly holds: (value: Value) => boolean
}

/** The schema with rules that a field alone cannot say; the CRD carries them as CEL, the parser as functions. */
export function withRules<Schema extends z.ZodType>(schema: Schema, rules: readonly Rule<z.output<Schema>>[]): Schema {
  const refined = rules.reduce<Schema>((done, { holds, message }) => done.refine(holds, { message }), schema)
  return refined.meta({ ...schema.meta(), 'x-kubernetes-validations': rules.map(({ message, rule }) => ({ message, rule })) })
}

/** Name of an object in the same namespace. */
export const localRef = () => z.object({ name: z.string().describe('Name of the object referred to.') })

export const condition = z.object({
  lastTransitionTime: instant().describe('When the condition last passed from one status to another.'),
  message: z.string().max(32768).describe('What happened, for people; may be empty.'),
  observedGeneration: z.int().min(0).exactOptional().describe('The generation of the object that the condition was set for.'),
  reason: z
    .string()
    .min(1)
    .max(1024)
    .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/)
    .describe('Why the condition last changed, for programs.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Status of the condition.'),
  type: z
    .string()
    .max(316)
    .regex(/^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$/)
    .describe('Type of the condition.'),
})

/** The members of every status: what was seen, how it is, and the last request that was honoured. */
export const commonStatus = {
  conditions: z.array(condition).exactOptional().describe('How the object is doing.'),
  lastHandledReconcileAt: z.string().exactOptional().describe('The last value of reconcile.fluxcd.io/requestedAt that was acted on.'),
  observedGeneration: z.int().exactOptional().describe('The last generation that was reconciled.'),
}

/** The status that the API server gives a fresh object, so that kstatus sees it as in progress. */
export const FRESH_STATUS = { observedGeneration: -1 } as const

/** Which objects a patch or rule is for; everything left out matches everything. */
export const selector = z.object({
  annotationSelector: z.string().exactOptional().describe('Selector over annotations, in the syntax of label selectors.'),
  group: z.string().exactOptional().describe('API group.'),
  kind: z.string().exactOptional().describe('Kind.'),
  labelSelector: z.string().exactOptional().describe('Selector over labels.'),
  name: z.string().exactOptional().describe('Name.'),
  namespace: z.string().exactOptional().describe('Namespace.'),
  version: z.string().exactOptional().describe('API version.'),
})

/** Which namespaces may refer to an object. */
export const accessFrom = z.object({
  namespaceSelectors: z
    .array(z.object({ matchLabels: stringMap().exactOptional().describe('Labels of the namespace; none match every namespace.') }))
    .describe('The namespaces that may refer to the object.'),
})

/** metav1.LabelSelector: all of its parts must hold; none at all match everything. */
export const labelSelector = z.object({
  matchExpressions: z
    .array(
      z.object({
        key: z.string().describe('Key of the label.'),
        operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']).describe('How the label relates to the values.'),
        values: z.array(z.string()).exactOptional().describe('Values; for In and NotIn only.'),
      }),
    )
    .exactOptional()
    .describe('Requirements on labels.'),
  matchLabels: stringMap().exactOptional().describe('Labels and the values that they must have.'),
})
