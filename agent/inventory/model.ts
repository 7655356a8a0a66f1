import { type ObjectRef, refKey } from '../../proto/model/object-ref.ts'

/** One object of a Kustomization's inventory, with the version it was applied with. */
export interface Item {
  readonly ref: ObjectRef
  readonly version: string
}

/** An entry as it stands in `status.inventory.entries`. */
export interface Entry {
  readonly id: string
  readonly v: string
}

/** The id of an object in an inventory, `<ns>_<name>_<group>_<kind>`. Persisted: do not change. Source: cli-utils object.ObjMetadata. */
export function formatId(ref: ObjectRef): string {
  const name = ref.group === 'rbac.authorization.k8s.io' ? ref.name.replaceAll(':', '__') : ref.name
  return `${ref.namespace}_${name}_${ref.group}_${ref.kind}`
}

/** The object of an id, or what is wrong with it. */
export function parseId(id: string): ObjectRef | { readonly problem: string } {
  const first = id.indexOf('_')
  const last = id.lastIndexOf('_')
  const middle = id.lastIndexOf('_', last - 1)
  if (first < 0 || middle <= first || last <= middle) return { problem: `inventory id ${JSON.stringify(id)}: too few fields within` }
  const ref = {
    namespace: id.slice(0, first),
    name: id.slice(first + 1, middle).replaceAll('__', ':'),
    group: id.slice(middle + 1, last),
    kind: id.slice(last + 1),
  }
  if (ref.name.includes('_')) return { problem: `inventory id ${JSON.stringify(id)}: too many fields within` }
  return ref.name === '' || ref.kind === '' ? { problem: `inventory id ${JSON.stringify(id)}: name or kind is empty` } : ref
}

/** Items as entries, each object once, in order of their ids. */
export function toEntries(items: readonly Item[]): readonly Entry[] {
  const entries = new Map(items.map(({ ref, version }) => [refKey(ref), { id: formatId(ref), v: version }]))
  return [...entries.values()].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}

/** Entries as items; unreadable ones are reported, not dropped silently. */
export function fromEntries(entries: readonly Entry[]): { readonly items: readonly Item[]; readonly problems: readonly string[] } {
  const items: Item[] = []
  const problems: string[] = []
  for (const { id, v } of entries) {
    const ref = parseId(id)
    if ('problem' in ref) problems.push(ref.problem)
    else items.push({ ref, version: v })
  }
  return { items, problems }
}
