import { labelOrAnnotation, type ManagedField, type Manifest } from '../../proto/model/manifest.ts'
import { FIELD_MANAGER, SSA_SWITCH } from '../../proto/model/names.ts'
import { type FieldSet, union } from './fields.ts'
import type { PatchStep } from './model.ts'

interface Undone {
  /** Beginning of the manager's name: `kubectl` also means kubectl-edit, kubectl-client-side-apply and so on. */
  readonly name: string
  readonly operation: 'Apply' | 'Update'
}

/** Managers whose changes Flux undoes. Source: kustomize-controller, ssa.ApplyCleanupOptions. */
const UNDONE: readonly Undone[] = [
  { name: 'kubectl', operation: 'Apply' },
  { name: 'kubectl', operation: 'Update' },
  { name: 'before-first-apply', operation: 'Update' },
  { name: FIELD_MANAGER, operation: 'Update' },
]
const REMOVED_ANNOTATIONS = ['kubectl.kubernetes.io/last-applied-configuration', 'kustomize.toolkit.fluxcd.io/checksum']
const REMOVED_LABELS = ['kustomize.toolkit.fluxcd.io/checksum']

/**
 * The patch that hands the fields of other managers over to ours, so that the apply after it removes what is not desired.
 *
 * @returns `[]` when there is nothing to hand over, or the object asks for `ssa: Merge`
 * The patch carries the live version: when the object has changed since, the API server answers with a conflict.
 */
export function takeOver(live: Manifest, desired: Manifest = live): readonly PatchStep[] {
  if (labelOrAnnotation(desired, SSA_SWITCH)?.toLowerCase() === 'merge') return []
  const steps = [
    ...removals('/metadata/annotations', live.metadata.annotations, REMOVED_ANNOTATIONS),
    ...removals('/metadata/labels', live.metadata.labels, REMOVED_LABELS),
    ...managedFields(live.metadata.managedFields ?? []),
  ]
  return steps.length === 0 ? [] : [{ op: 'replace', path: '/metadata/resourceVersion', value: live.metadata.resourceVersion }, ...steps]
}

/** The entry of our own applies, if the object has one. */
export function ownEntry(live: Manifest): ManagedField | undefined {
  return live.metadata.managedFields?.find(isOurs)
}

function managedFields(entries: readonly ManagedField[]): readonly PatchStep[] {
  const undone = entries.filter((entry) => !isOurs(entry) && isUndone(entry))
  const [first, ...rest] = undone
  if (!first) return []
  const own = entries.find(isOurs)
  const base: ManagedField = own ?? { ...first, manager: FIELD_MANAGER, operation: 'Apply' }
  const fields = (own ? undone : rest).reduce<FieldSet>((all, entry) => union(all, entry.fieldsV1 ?? {}), base.fieldsV1 ?? {})
  const kept = entries.filter((entry) => !isOurs(entry) && !isUndone(entry))
  return [{ op: 'replace', path: '/metadata/managedFields', value: [...kept, { ...base, fieldsV1: fields }] }]
}

function isOurs(entry: ManagedField): boolean {
  return entry.manager === FIELD_MANAGER && entry.operation === 'Apply' && !entry.subresource
}

function isUndone(entry: ManagedField): boolean {
  return !entry.subresource && UNDONE.some(({ name, operation }) => entry.operation === operation && (entry.manager ?? '').startsWith(name))
}

function removals(path: string, present: Readonly<Record<string, string>> | undefined, keys: readonly string[]): readonly PatchStep[] {
  const there = keys.filter((key) => present !== undefined && Object.hasOwn(present, key))
  return there.map((key) => ({ op: 'remove', path: `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}` }))
}
