import type { Manifest } from '../../proto/model/manifest.ts'
import { groupOf } from '../../proto/model/object-ref.ts'
import { inOrder } from './order.ts'

const DEFINITIONS = ['CustomResourceDefinition', 'Namespace', 'ClusterRole']

/**
 * Objects in the stages they are applied in: definitions, classes, kinds that somebody wants earlier, the rest.
 * A stage is dry-run as a whole before any of it is applied, and waited for before the next one.
 *
 * @param early  `group/kind` of the third stage, empty group for core kinds (`/ConfigMap`)
 * @returns no empty stage; each in order of application. Source: Flux, kustomize-controller.
 */
export function stagesOf(objects: readonly Manifest[], early: readonly string[] = []): readonly (readonly Manifest[])[] {
  const stages: Manifest[][] = [[], [], [], []]
  for (const object of objects) stages[stageOf(object, early)]?.push(object)
  return stages.filter((stage) => stage.length > 0).map((stage) => inOrder(stage))
}

/** Neighbours of one kind: they do not depend on each other and may be applied at once. */
export function byKind(stage: readonly Manifest[]): readonly (readonly Manifest[])[] {
  const groups: Manifest[][] = []
  for (const object of stage) {
    const last = groups.at(-1)
    if (last?.[0] && last[0].kind === object.kind && last[0].apiVersion === object.apiVersion) last.push(object)
    else groups.push([object])
  }
  return groups
}

function stageOf(object: Manifest, early: readonly string[]): number {
  if (DEFINITIONS.includes(object.kind)) return 0
  if (object.kind.endsWith('Class')) return 1
  return early.includes(`${groupOf(object.apiVersion)}/${object.kind}`) ? 2 : 3
}
