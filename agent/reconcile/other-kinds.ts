import type { FluxObject } from '../../proto/model/flux/kinds.ts'
import { unserved, unservedMessage } from '../../proto/model/flux/unserved.ts'

/** Which of Flux's controllers does the work of a kind that the agent does not do yet. Absent: nobody writes its status, or a program outside of Flux does. */
const SERVED_BY: Partial<Record<FluxObject['kind'], string>> = {
  ImageRepository: 'image-reflector-controller',
  ImagePolicy: 'image-reflector-controller',
  ImageUpdateAutomation: 'image-automation-controller',
  Receiver: 'notification-controller',
}

/** What to say of an object of a kind that is not served, or nothing where Flux's own controller still does its work. */
export function wordForOther(object: FluxObject, runs: (controller: string) => boolean): string | undefined {
  const controller = SERVED_BY[object.kind]
  if (controller === undefined || runs(controller)) return undefined
  if ('suspend' in object.spec && object.spec.suspend === true) return undefined
  const parts = unserved(object)
  return parts.length === 0 ? undefined : unservedMessage(parts)
}
