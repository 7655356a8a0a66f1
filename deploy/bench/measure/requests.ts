import type { Manifest } from '../../../proto/model/manifest.ts'
import { AGENT_NAMESPACE, PLATFORM_NAMESPACE } from '../../../proto/model/names.ts'

/** Requests that the API server has carried out for the agent, whoever it acted as, by what they were. */
export type Requests = Readonly<Record<RequestKind, number>>

const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'] as const
const OTHERS = ['lease', 'event', 'discovery'] as const
export const REQUEST_KINDS = [...VERBS, ...OTHERS, 'dry-run'] as const
export type RequestKind = (typeof REQUEST_KINDS)[number]

const NAME = 'bench-agent'
const NAMESPACES = [AGENT_NAMESPACE, PLATFORM_NAMESPACE]

/**
 * Flow schemas that sort the agent's requests, by verb, into the priority level where they are anyway: the API server's
 * metrics know no users, but they count what each schema has dispatched. Impersonation comes before, so both identities count.
 */
export function countingSchemas(): readonly Manifest[] {
  const anywhere = { apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }
  const resources = (verbs: readonly string[], at: object = anywhere) => ({ resourceRules: [{ ...at, verbs }] })
  const discovery = { nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] }
  const lease = { ...anywhere, apiGroups: ['coordination.k8s.io'] }
  const event = { ...anywhere, apiGroups: ['', 'events.k8s.io'], resources: ['events'] }
  return [
    schema('lease', 500, resources(['*'], lease)),
    schema('event', 501, resources(['*'], event)),
    schema('discovery', 502, discovery),
    ...VERBS.map((verb) => schema(verb, 510, resources([verb]))),
  ]
}

/** Reads the counts from the text of the API server's `/metrics`. Dry runs are the agent's alone, so they are told from real patches. */
export function requestsIn(metrics: string): Requests {
  const counted = (kind: string) => sum(metrics, 'apiserver_flowcontrol_dispatched_requests_total', `flow_schema="${NAME}-${kind}"`)
  const dryRuns = sum(metrics, 'apiserver_request_total', 'dry_run="All"')
  const counts = Object.fromEntries([...VERBS, ...OTHERS].map((kind) => [kind, counted(kind)]))
  return { ...counts, patch: counted('patch') - dryRuns, 'dry-run': dryRuns } as Requests
}

export function requestsBetween(before: Requests, after: Requests): Requests {
  return Object.fromEntries(REQUEST_KINDS.map((kind) => [kind, after[kind] - before[kind]])) as unknown as Requests
}

export function totalOf(requests: Requests): number {
  return REQUEST_KINDS.reduce((total, kind) => total + requests[kind], 0)
}

/** Requests that changed something, the Lease that says "I am here" left out. */
export function writesOf({ create, update, patch, delete: deletes, deletecollection, event }: Requests): number {
  return create + update + patch + deletes + deletecollection + event
}

/** The kinds that occurred, for people: `get 12, patch 500`. */
export function describeRequests(requests: Requests): string {
  return REQUEST_KINDS.flatMap((kind) => (requests[kind] > 0 ? [`${kind} ${requests[kind]}`] : [])).join(', ')
}

function schema(kind: string, matchingPrecedence: number, rules: object): Manifest {
  const subjects = NAMESPACES.map((namespace) => ({ kind: 'Group', group: { name: `system:serviceaccounts:${namespace}` } }))
  return {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'FlowSchema',
    metadata: { name: `${NAME}-${kind}` },
    spec: {
      matchingPrecedence,
      priorityLevelConfiguration: { name: 'workload-low' },
      distinguisherMethod: { type: 'ByUser' },
      rules: [{ subjects, ...rules }],
    },
  }
}

function sum(metrics: string, name: string, label: string): number {
  let total = 0
  for (const line of metrics.split('\n')) {
    if (line.startsWith(`${name}{`) && line.includes(label)) total += Number(line.slice(line.lastIndexOf(' ') + 1))
  }
  return total
}
