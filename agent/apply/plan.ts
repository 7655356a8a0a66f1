import { labelOrAnnotation, type Manifest } from '../../proto/model/manifest.ts'
import { FORCE_SWITCH, SSA_SWITCH } from '../../proto/model/names.ts'
import type { Known, PatchStep, Remembered } from '../drift/model.ts'
import { isImmutable } from './classify.ts'
import type { Comparison, Refusal } from './ports.ts'

/** What is to be done with one object. */
export type Plan =
  | { readonly kind: 'skip' }
  | { readonly kind: 'unchanged'; readonly live?: Manifest }
  | { readonly kind: 'apply'; readonly action: 'created' | 'configured'; readonly handOver: readonly PatchStep[] }
  | { readonly kind: 'recreate'; readonly live: Manifest }
  | { readonly kind: 'refuse'; readonly why: Refusal }

export interface Given {
  readonly desired: Manifest
  readonly hash: string
  readonly known: Known
  readonly remembered: Remembered | undefined
  readonly force: boolean
}

/** What can be said before anything is asked; else whether the live object must be read before the dry-run. */
export function atFirst({ desired, hash, known, remembered }: Given, rules: Comparison): Plan | 'read' | 'try' {
  if (rules.isExcluded(desired)) return { kind: 'skip' }
  if (known.kind === 'present') {
    if (known.fact.excluded || isIfNotPresent(desired)) return { kind: 'skip' }
    const inOrder = remembered?.desired === hash && remembered.owned === known.fact.owned && !known.fact.foreign
    return inOrder ? { kind: 'unchanged' } : 'try'
  }
  return isIfNotPresent(desired) && known.kind === 'unknown' ? 'read' : 'try'
}

/** What the live object alone decides. */
export function onLive(desired: Manifest, live: Manifest | undefined, rules: Comparison): Plan | undefined {
  return live && (rules.isExcluded(live) || isIfNotPresent(desired)) ? { kind: 'skip' } : undefined
}

/**
 * What the dry-run decides without the live object: it does not exist, or what a watch told of it is enough.
 * Undefined when the live object has to be read.
 */
export function onDryRun({ known }: Given, dryRun: Manifest, rules: Comparison): Plan | undefined {
  // The result of a dry-run has a version only when there is an object already.
  if (!dryRun.metadata.resourceVersion) return { kind: 'apply', action: 'created', handOver: [] }
  if (known.kind !== 'present' || known.fact.foreign || known.fact.resourceVersion !== dryRun.metadata.resourceVersion) return undefined
  if (rules.factOf(dryRun).owned === known.fact.owned) return { kind: 'unchanged', live: dryRun }
  return { kind: 'apply', action: 'configured', handOver: [] }
}

/** What live object and dry-run decide together. */
export function onBoth(
  desired: Manifest,
  { live, dryRun }: { readonly live: Manifest; readonly dryRun: Manifest },
  rules: Comparison,
): Plan {
  const handOver = rules.takeOver(live, desired)
  if (handOver.length === 0 && rules.differences(live, dryRun).length === 0) return { kind: 'unchanged', live }
  return { kind: 'apply', action: 'configured', handOver }
}

/** What to do when the API server does not take the object. */
export function onRefusal({ desired, force }: Given, why: Refusal, live: Manifest | undefined): Plan {
  const forced = force || isForced(desired) || (live !== undefined && isForced(live))
  return live && forced && isImmutable(why) ? { kind: 'recreate', live } : { kind: 'refuse', why }
}

function isIfNotPresent(desired: Manifest): boolean {
  return labelOrAnnotation(desired, SSA_SWITCH)?.toLowerCase() === 'ifnotpresent'
}

function isForced(object: Manifest): boolean {
  return labelOrAnnotation(object, FORCE_SWITCH)?.toLowerCase() === 'enabled'
}
