import { atPointer } from '../../proto/model/json-pointer.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import type { PatchStep } from './model.ts'

/** The JSON patch that makes a live object, at the paths that differ, what a dry-run says it should be. */
export function correction(live: Manifest, wanted: Manifest, paths: readonly string[]): readonly PatchStep[] {
  const steps = paths.map((path): PatchStep => {
    const value = atPointer(wanted, path)
    if (value === undefined) return { op: 'remove', path }
    return { op: atPointer(live, path) === undefined ? 'add' : 'replace', path, value }
  })
  const removals = steps.filter(({ op }) => op === 'remove')
  const rest = steps.filter(({ op }) => op !== 'remove')
  // What is taken out of a list moves what is behind it.
  return [...parents(live, rest), ...rest, ...removals.toReversed()]
}

/** Labels and annotations of an object that has none. */
function parents(live: Manifest, steps: readonly PatchStep[]): readonly PatchStep[] {
  return ['/metadata/labels', '/metadata/annotations']
    .filter((path) => atPointer(live, path) === undefined && steps.some((step) => step.path.startsWith(`${path}/`)))
    .map((path) => ({ op: 'add', path, value: {} }))
}
