import { metaTime } from '../../../proto/model/condition.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { apiVersionOf } from '../../../proto/model/object-ref.ts'
import type { ClusterEvent } from '../../events/model.ts'

/** The version under which a group's objects are referred to. */
export type VersionOfGroup = (group: string, kind: string) => string

/** The event as core/v1 has it, so that `kubectl describe`, `kubectl get events` and `flux events` find it. */
export function coreEvent(event: ClusterEvent, versionOfGroup: VersionOfGroup): Manifest {
  const { group, kind, name, namespace } = event.object
  const time = metaTime(event.at)
  const reporter = reporterOf(group)
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name: `${name}.${event.id.replaceAll('-', '').slice(0, 16)}`,
      namespace,
      uid: event.id,
      creationTimestamp: time,
      ...(event.revision ? { annotations: { [`${group}/revision`]: event.revision } } : {}),
    },
    involvedObject: {
      apiVersion: apiVersionOf(group, versionOfGroup(group, kind)),
      kind,
      name,
      namespace,
      ...(event.objectUid ? { uid: event.objectUid } : {}),
    },
    type: event.severity === 'error' || event.severity === 'Warning' ? 'Warning' : 'Normal',
    reason: event.reason,
    message: event.message,
    count: 1,
    firstTimestamp: time,
    lastTimestamp: time,
    source: { component: reporter },
    reportingComponent: reporter,
    reportingInstance: '',
  }
}

/** The controller that Flux would have written it. */
function reporterOf(group: string): string {
  return `${group.split('.')[0] ?? ''}-controller`
}
