import type { z } from 'zod'
import type { ObjectMeta } from '../manifest.ts'
import { apiVersionOf } from '../object-ref.ts'

/** A column of `kubectl get`, as a CRD names it. */
export interface PrinterColumn {
  readonly name: string
  readonly type: 'string' | 'date' | 'integer' | 'boolean'
  readonly jsonPath: string
  /** Above 0 the column shows with `-o wide` only. */
  readonly priority?: number
  readonly description?: string
}

/** Everything that is known of one kind: its names, its columns, and the schemas that types, parser, CRD and explain come from. */
export interface ResourceKind<Kind extends string = string, Spec extends z.ZodType = z.ZodType, Status extends z.ZodType = z.ZodType> {
  readonly group: string
  readonly version: string
  readonly kind: Kind
  readonly plural: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly namespaced: boolean
  readonly description: string
  readonly columns: readonly PrinterColumn[]
  readonly spec: Spec
  /** Absent for kinds without a status. */
  readonly status?: Status
  /** The status of an object that nobody has looked at yet. */
  readonly freshStatus?: Readonly<Record<string, unknown>>
}

/** An object of a known kind, parsed, with defaults. */
export interface Resource<Kind extends string, Spec, Status> {
  readonly apiVersion: string
  readonly kind: Kind
  readonly metadata: ObjectMeta
  readonly spec: Spec
  readonly status: Status
}

export function apiVersionOfKind({ group, version }: ResourceKind): string {
  return apiVersionOf(group, version)
}

export const READY_COLUMN: PrinterColumn = { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' }
export const STATUS_COLUMN: PrinterColumn = { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message' }
export const AGE_COLUMN: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }
