import { FleetError } from '../../../proto/base/errors.ts'
import { anyOf } from '../../../proto/base/signals.ts'
import { formatDuration } from '../../../proto/model/duration.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { formatRef, type ObjectRef } from '../../../proto/model/object-ref.ts'
import type { ResourceKind } from '../../../proto/model/resource/kind.ts'
import { pathOf } from '../kinds.ts'
import type { Session } from '../session.ts'
import { readyOf } from '../show/rows.ts'
import { follow } from './follow.ts'

/** An object in a cluster, or of the fleet where there is no cluster. */
export interface Where {
  readonly cluster?: string | undefined
  readonly namespace?: string | undefined
  readonly name: string
}

/** Watches an object until `done` says so. @throws `deadline-exceeded` with the last that was known of it */
export async function waitFor(
  session: Session,
  kind: ResourceKind,
  { done, timeoutMs, where }: { readonly where: Where; readonly done: (object: Manifest) => boolean; readonly timeoutMs: number },
): Promise<Manifest> {
  const late = AbortSignal.timeout(timeoutMs)
  const signal = anyOf(session.signal, late)
  let last: Manifest | undefined
  try {
    const query = { fieldSelector: `metadata.name=${where.name}` }
    for await (const { object, type } of follow(session, pathOf(kind, { ...where, name: undefined }), { signal, query })) {
      if (type === 'DELETED') continue
      last = object
      if (done(object)) return object
    }
    throw new FleetError('aborted', `the watch of ${describe(kind, where)} ended`)
  } catch (error) {
    session.signal.throwIfAborted()
    if (!late.aborted) throw error
    throw new FleetError(
      'deadline-exceeded',
      `${describe(kind, where)} is not done after ${formatDuration(timeoutMs)}: ${readyOf(last ?? NOTHING)?.message || 'nothing was reported of it'}`,
    )
  }
}

const NOTHING: Manifest = { apiVersion: '', kind: '', metadata: { name: '' } }

/** Cluster and object, for messages. */
export function describe(kind: ResourceKind, { cluster, name, namespace = '' }: Where): string {
  const ref: ObjectRef = { group: kind.group, kind: kind.kind, namespace: kind.namespaced ? namespace : '', name }
  return cluster ? `${formatRef(ref)} in ${cluster}` : formatRef(ref)
}
