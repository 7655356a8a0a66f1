import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import type { Previewed } from './ports.ts'

/** What is to be known beside the objects, in sentences. */
export function notesOn({
  isDifferent,
  object,
  preview,
}: {
  readonly object: HelmRelease
  readonly preview: Previewed
  readonly isDifferent: boolean
}): readonly string[] {
  const { crds, from, hooks, step, to } = preview
  const notes: string[] = []
  const mode = object.spec.driftDetection?.mode ?? 'disabled'
  const isInOrder = step === 'nothing' || step === 'test'
  if (isInOrder && isDifferent && mode !== 'enabled')
    notes.push(`a reconcile leaves these as they are: spec.driftDetection.mode is ${JSON.stringify(mode)}`)
  if (crds.names.length > 0)
    notes.push(
      `CustomResourceDefinitions come first, ${crds.are === 'created' ? 'those that are missing' : 'those that are there replaced'}: ${crds.names.join(', ')}`,
    )
  if (hooks.length > 0) notes.push(`hooks run: ${hooks.map(({ events, name }) => `${name} (${events.join(', ')})`).join('; ')}`)
  if (!to) notes.push('what follows can be told when Helm is free: an action is under way, or was broken off and is taken up')
  if (from?.applyMethod === 'csa' && !isInOrder)
    notes.push('Helm applied this release on the client side: fields that the chart does not set any more may go too')
  return notes
}
