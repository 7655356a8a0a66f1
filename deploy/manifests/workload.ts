import { AGENT_IDENTITY } from '../../proto/model/identities.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import type { AgentOptions, AgentWorkload } from './options.ts'

const NAME = 'flotilla-agent'
const STATE_DIR = '/var/lib/flotilla'
const HUB_DIR = '/etc/flotilla'
const TOKEN_DIR = '/var/run/flotilla'

/** The agent as a Deployment: one pod, which nothing replaces before it is gone, with its state on a volume of its own. */
export function agentWorkload(options: AgentOptions, workload: AgentWorkload): readonly Manifest[] {
  const { namespace } = AGENT_IDENTITY
  const metadata = { labels: { 'app.kubernetes.io/name': NAME }, name: NAME, namespace }
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, name: 'flotilla-hub' }, data: { 'ca.crt': options.hub.ca } },
    ...claim(workload, metadata),
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: 1,
        selector: { matchLabels: metadata.labels },
        strategy: { type: 'Recreate' },
        template: { metadata: { labels: metadata.labels }, spec: podSpec(options, workload) },
      },
    },
  ]
}

function podSpec({ clusterName, hub }: AgentOptions, { image, joinTokenSecret, storage }: AgentWorkload) {
  return {
    automountServiceAccountToken: true,
    containers: [
      {
        args: ['agent'],
        env: [
          { name: 'FLOTILLA_CLUSTER_NAME', value: clusterName },
          { name: 'FLOTILLA_HUB', value: hub.address },
          { name: 'FLOTILLA_HUB_CA', value: `${HUB_DIR}/ca.crt` },
          { name: 'FLOTILLA_JOIN_TOKEN_FILE', value: `${TOKEN_DIR}/token` },
          { name: 'FLOTILLA_AGENT_DATA_DIR', value: STATE_DIR },
        ],
        image,
        name: 'agent',
        resources: { limits: { memory: '2Gi' }, requests: { cpu: '50m', memory: '128Mi' } },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, readOnlyRootFilesystem: true },
        volumeMounts: [
          { mountPath: STATE_DIR, name: 'state' },
          { mountPath: HUB_DIR, name: 'hub', readOnly: true },
          { mountPath: TOKEN_DIR, name: 'join-token', readOnly: true },
          { mountPath: '/tmp', name: 'tmp' },
        ],
      },
    ],
    securityContext: {
      fsGroup: 65_532,
      runAsGroup: 65_532,
      runAsNonRoot: true,
      runAsUser: 65_532,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    serviceAccountName: AGENT_IDENTITY.name,
    terminationGracePeriodSeconds: 30,
    volumes: [
      storage ? { name: 'state', persistentVolumeClaim: { claimName: NAME } } : { emptyDir: {}, name: 'state' },
      { configMap: { name: 'flotilla-hub' }, name: 'hub' },
      // Gone after joining, and the pod must start all the same.
      { name: 'join-token', secret: { defaultMode: 0o440, optional: true, secretName: joinTokenSecret } },
      { emptyDir: {}, name: 'tmp' },
    ],
  }
}

function claim({ storage }: AgentWorkload, metadata: Manifest['metadata']): readonly Manifest[] {
  if (!storage) return []
  return [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata,
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: storage.size } },
        ...(storage.className === undefined ? {} : { storageClassName: storage.className }),
      },
    },
  ]
}
