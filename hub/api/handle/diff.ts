import { apiVersionOf } from '../../../proto/model/object-ref.ts'
import type { ApiResponse, Target } from '../model.ts'
import type { ApiParts } from '../ports.ts'
import type { Place } from './place.ts'

/**
 * What a reconcile of an object would change in its cluster now, as the cluster's agent finds out: for whoever may read the
 * object, here and, as their identity, there. Nothing is written.
 */
export async function diffObject(
  { call }: Pick<ApiParts, 'call'>,
  { name, namespace, served: { resource } }: Target,
  { place, signal }: { readonly place: Place; readonly signal: AbortSignal },
): Promise<ApiResponse> {
  const asked = {
    verb: 'diff',
    object: { group: resource.group, kind: resource.kind, namespace, name },
    apiVersion: apiVersionOf(resource.group, resource.version),
    as: place.actsAs(namespace),
    ...{ body: {}, dryRun: true, resourceVersion: '', fieldManager: '' },
  } as const
  const { body, code } = await call(place.clusterId ?? '', asked, { signal })
  return { kind: 'json', code, body }
}
