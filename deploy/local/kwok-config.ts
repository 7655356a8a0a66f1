import { stringify } from 'yaml'

const stage = (name: string, spec: object) => ({ apiVersion: 'kwok.x-k8s.io/v1alpha1', kind: 'Stage', metadata: { name }, spec })
const has = (key: string, ...values: string[]) => ({ key, operator: 'In', values })
const absent = (key: string) => ({ key, operator: 'DoesNotExist' })
const present = (key: string) => ({ key, operator: 'Exists' })
const fakeNode = { apiGroup: 'v1', kind: 'Node' }
const pod = { apiGroup: 'v1', kind: 'Pod' }

const NODE_STATUS = `
{{ with .status }}
addresses: [{ type: InternalIP, address: 10.0.0.1 }]
allocatable: { cpu: "64", memory: 256Gi, pods: "1000" }
capacity: { cpu: "64", memory: 256Gi, pods: "1000" }
{{ end }}
conditions:
{{ range NodeConditions }}
- { type: {{ .type | Quote }}, status: {{ .status | Quote }}, reason: {{ .reason | Quote }}, message: {{ .message | Quote }}, lastHeartbeatTime: {{ Now | Quote }}, lastTransitionTime: {{ Now | Quote }} }
{{ end }}
nodeInfo: { architecture: amd64, bootID: "", containerRuntimeVersion: "", kernelVersion: "", kubeProxyVersion: "", kubeletVersion: fake, machineID: "", operatingSystem: linux, osImage: "", systemUUID: "" }
phase: Running`

const NODE_HEARTBEAT = `
conditions:
{{ range NodeConditions }}
- { type: {{ .type | Quote }}, status: {{ .status | Quote }}, reason: {{ .reason | Quote }}, message: {{ .message | Quote }}, lastHeartbeatTime: {{ Now | Quote }}, lastTransitionTime: {{ Now | Quote }} }
{{ end }}`

const POD_READY = `
{{ $now := Now }}
conditions:
- { type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: Ready, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: ContainersReady, status: "True", lastTransitionTime: {{ $now | Quote }} }
containerStatuses:
{{ range .spec.containers }}
- { image: {{ .image | Quote }}, name: {{ .name | Quote }}, ready: true, restartCount: 0, started: true, state: { running: { startedAt: {{ $now | Quote }} } } }
{{ end }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ PodIPWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) | Quote }}
phase: Running
startTime: {{ $now | Quote }}`

const POD_COMPLETE = `
{{ $now := Now }}
containerStatuses:
{{ range .spec.containers }}
- { image: {{ .image | Quote }}, name: {{ .name | Quote }}, ready: false, restartCount: 0, started: false, state: { terminated: { exitCode: 0, finishedAt: {{ $now | Quote }}, reason: Completed, startedAt: {{ $now | Quote }} } } }
{{ end }}
phase: Succeeded`

const STAGES = [
  stage('node-initialize', {
    resourceRef: fakeNode,
    selector: { matchExpressions: [{ key: '.status.conditions.[] | select( .type == "Ready" ) | .status', operator: 'NotIn', values: ['True'] }] },
    next: { statusTemplate: NODE_STATUS },
  }),
  stage('node-heartbeat', {
    resourceRef: fakeNode,
    selector: { matchExpressions: [has('.status.phase', 'Running'), has('.status.conditions.[] | select( .type == "Ready" ) | .status', 'True')] },
    delay: { durationMilliseconds: 60_000, jitterDurationMilliseconds: 65_000 },
    next: { statusTemplate: NODE_HEARTBEAT },
    immediateNextStage: true,
  }),
  stage('pod-ready', {
    resourceRef: pod,
    selector: { matchExpressions: [absent('.metadata.deletionTimestamp'), absent('.status.podIP')] },
    next: { statusTemplate: POD_READY },
  }),
  stage('pod-complete', {
    resourceRef: pod,
    selector: {
      matchExpressions: [absent('.metadata.deletionTimestamp'), has('.status.phase', 'Running'), has('.metadata.ownerReferences.[].kind', 'Job')],
    },
    next: { statusTemplate: POD_COMPLETE },
  }),
  stage('pod-delete', {
    resourceRef: pod,
    selector: { matchExpressions: [present('.metadata.deletionTimestamp')] },
    next: { finalizers: { empty: true }, delete: true },
  }),
]

/** The configuration of kwok: how its nodes and pods live, as Stage documents. Pods are ready at once, pods of Jobs succeed at once. */
export function kwokConfig(): string {
  return STAGES.map((each) => stringify(each)).join('---\n')
}

/** The node on which all pods run. */
export const FAKE_NODE = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: 'node-1',
    annotations: { 'kwok.x-k8s.io/node': 'fake', 'node.alpha.kubernetes.io/ttl': '0' },
    labels: { 'kubernetes.io/hostname': 'node-1', 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64', 'kubernetes.io/role': 'agent' },
  },
} as const
