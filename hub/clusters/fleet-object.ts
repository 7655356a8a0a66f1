import { type Condition, metaTime, setCondition } from '../../proto/model/condition.ts'
import type { ClusterStatus } from '../../proto/model/fleet/cluster.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { FLEET_GROUP, FLEET_VERSION } from '../../proto/model/names.ts'
import type { Cluster } from './model.ts'

/** What rows say of a cluster at this moment. */
export interface Overview {
  readonly id: string
  readonly name: string
  readonly connected: boolean
  readonly replica: string | undefined
  readonly since: Date | undefined
  readonly certificate: { readonly serial: string; readonly notAfter: Date } | undefined
  readonly objects: { readonly total: number; readonly ready: number; readonly failing: number; readonly suspended: number }
}

/** The fleet object of a cluster that asked to join. */
export function clusterManifest(cluster: Cluster, labels: Readonly<Record<string, string>>): Manifest {
  return {
    apiVersion: `${FLEET_GROUP}/${FLEET_VERSION}`,
    kind: 'Cluster',
    metadata: { name: cluster.name, labels },
    spec: { approved: cluster.approvedAt !== undefined },
  }
}

/** The status with what rows say; the same content gives the same status, so that nothing is written for nothing. */
export function withOverview(
  old: ClusterStatus,
  overview: Overview,
  at: { readonly generation: number; readonly now: Date },
): ClusterStatus {
  const { connected, replica, since, certificate } = overview
  const message = connected ? 'the agent is connected' : 'the agent is not connected; what it holds goes on being kept'
  const ready = { type: 'Ready', status: connected ? 'True' : 'False', reason: connected ? 'Connected' : 'Disconnected', message } as const
  const conditions = setCondition((old.conditions ?? []) as readonly Condition[], { ...ready, observedGeneration: at.generation }, at.now)
  return {
    ...old,
    id: overview.id,
    conditions: [...conditions],
    connection: { connected, ...(replica && connected ? { replica } : {}), ...(since ? { since: metaTime(since) } : {}) },
    ...(certificate ? { certificate: { serial: certificate.serial, notAfter: metaTime(certificate.notAfter) } } : {}),
    objects: overview.objects,
    observedGeneration: at.generation,
  }
}

/** The status with what the agent says of its cluster; what it does not say, since it could not read it yet, is as it was. */
export function withFacts(
  old: ClusterStatus,
  said: { readonly agentVersion?: string; readonly capabilities?: readonly string[]; readonly facts: Readonly<Record<string, string>> },
): ClusterStatus {
  const { agentVersion, capabilities, facts } = said
  const { kubernetesVersion, nodes, mode } = facts
  return {
    ...old,
    facts: {
      ...old.facts,
      ...(agentVersion === undefined ? {} : { agentVersion }),
      ...(capabilities ? { capabilities: [...capabilities] } : {}),
      ...(kubernetesVersion ? { kubernetesVersion, ...minorOf(kubernetesVersion) } : {}),
      ...(nodes && /^\d+$/.test(nodes) ? { nodes: Number(nodes) } : {}),
      ...(mode === 'observing' || mode === 'active' ? { mode } : {}),
    },
  }
}

function minorOf(version: string): { readonly kubernetesMinor?: number } {
  const minor = /^v?\d+\.(\d+)/.exec(version)?.[1]
  return minor === undefined ? {} : { kubernetesMinor: Number(minor) }
}
