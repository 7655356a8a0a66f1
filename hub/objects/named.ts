import type { Manifest } from '../../proto/model/manifest.ts'
import type { ResourceKind } from '../../proto/model/resource/kind.ts'
import { FLEET_SCOPE } from './model.ts'
import type { ObjectService } from './service.ts'

/** The fleet's objects of one cluster-scoped kind, by name. */
export interface NamedObjects {
  get(name: string): Promise<Manifest | undefined>
  create(manifest: Manifest): Promise<void>
  change(name: string, change: (old: Manifest) => Manifest): Promise<void>
  changeStatus(name: string, change: (old: Manifest) => unknown): Promise<void>
  /** Many at once; those that are gone are left out. */
  changeStatuses(all: readonly { readonly name: string; readonly change: (old: Manifest) => unknown }[]): Promise<void>
  remove(name: string): Promise<void>
}

export function namedObjects(objects: ObjectService, kind: ResourceKind): NamedObjects {
  const keyOf = (name: string) => ({ scope: FLEET_SCOPE, group: kind.group, kind: kind.kind, namespace: '', name })
  return {
    get: async (name) => (await objects.get(keyOf(name)))?.manifest,
    create: async (manifest) => void (await objects.create(kind, manifest)),
    change: async (name, change) => void (await objects.change(keyOf(name), change)),
    changeStatus: async (name, change) => void (await objects.changeStatus(keyOf(name), change)),
    changeStatuses: (all) => objects.changeStatuses(all.map(({ change, name }) => ({ key: keyOf(name), change }))),
    remove: async (name) => void (await objects.remove(keyOf(name))),
  }
}
