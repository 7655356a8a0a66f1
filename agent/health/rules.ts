import type { Health } from '../../proto/model/health.ts'
import type { Manifest } from '../../proto/model/manifest.ts'

/** How one kind is judged once the rules for all kinds have nothing to say. */
export type Rule = (object: Manifest, now: Date) => Health

export interface StatusCondition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
  readonly lastTransitionTime: string
}

export const current: Health = { status: 'Current', message: '' }

export function inProgress(message: string): Health {
  return { status: 'InProgress', message }
}

export function failed(message: string): Health {
  return { status: 'Failed', message }
}

/** The conditions of an object's status, unreadable ones left out. */
export function conditionsOf(object: Manifest): readonly StatusCondition[] {
  const conditions = at(object, 'status', 'conditions')
  if (!Array.isArray(conditions)) return []
  return conditions.flatMap((value) => {
    const text = (key: string) => (typeof at(value, key) === 'string' ? String(at(value, key)) : '')
    const condition = { type: text('type'), status: text('status'), reason: text('reason') }
    return condition.type === '' ? [] : [{ ...condition, message: text('message'), lastTransitionTime: text('lastTransitionTime') }]
  })
}

/** The number at a path, or `absent`. */
export function numberAt(object: unknown, path: readonly string[], absent: number): number {
  const value = at(object, ...path)
  return typeof value === 'number' ? value : absent
}

/** The text at a path, or empty. */
export function textAt(object: unknown, ...path: readonly string[]): string {
  const value = at(object, ...path)
  return typeof value === 'string' ? value : ''
}

export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined),
    value,
  )
}
