import type { Collection, ObjectAt } from '../../../agent/kube/model.ts'
import type { Condition } from '../../../proto/model/condition.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { followObjects } from './objects.ts'

const WATCHED: readonly Collection[] = [
  { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization' },
  { apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease' },
  { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop' },
]

/** One cluster as its administrator sees it, past hub and agent, by watch. */
export interface ClusterView extends AsyncDisposable {
  readonly name: string
  readonly kubeconfig: string
  deployment(name: string): Deployment | undefined
  kustomization(namespace: string, name: string): Kustomization | undefined
  release(namespace: string, name: string): Release | undefined
  /** Waits until `is` says yes, and returns when that was, on the clock of `nowMs`. `what` is for the sentence when it does not happen. */
  when(what: string, is: () => boolean, signal: AbortSignal): Promise<number>
  get(at: ObjectAt, signal: AbortSignal): Promise<Manifest | undefined>
}

export interface Deployment {
  readonly uid: string
  readonly replicas: number
  readonly image: string
}

export interface Kustomization {
  /** Undefined while the present generation has not been worked on. */
  readonly ready: Condition | undefined
  readonly applied: string | undefined
}

export interface Release {
  /** Undefined while the present generation has not been worked on. */
  readonly ready: Condition | undefined
  /** Helm's number of the newest release. */
  readonly version: number | undefined
}

export async function openClusterView({ name, kubeconfig }: { readonly name: string; readonly kubeconfig: string }): Promise<ClusterView> {
  const objects = await followObjects({ kubeconfig, of: WATCHED, troubles: troubleOf })
  return {
    name,
    kubeconfig,
    deployment: (app) => deploymentOf(objects.find('Deployment', 'shop', app)),
    kustomization: (namespace, one) => kustomizationOf(objects.find('Kustomization', namespace, one)),
    release: (namespace, one) => releaseOf(objects.find('HelmRelease', namespace, one)),
    get: (at, signal) => objects.kube.get(at, { signal }),
    when: (what, is, signal) => objects.when(`${name}: ${what}`, is, signal),
    [Symbol.asyncDispose]: () => objects[Symbol.asyncDispose](),
  }
}

function deploymentOf(object: Manifest | undefined): Deployment | undefined {
  if (!object) return undefined
  const spec = object.spec as { replicas?: number; template: { spec: { containers: readonly { image: string }[] } } }
  return { uid: object.metadata.uid ?? '', replicas: spec.replicas ?? 1, image: spec.template.spec.containers[0]?.image ?? '' }
}

function kustomizationOf(object: Manifest | undefined): Kustomization | undefined {
  return object && { applied: statusOf(object).lastAppliedRevision, ready: readyOf(object) }
}

function releaseOf(object: Manifest | undefined): Release | undefined {
  return object && { version: statusOf(object).history?.[0]?.version, ready: readyOf(object) }
}

interface FluxStatus {
  readonly conditions?: readonly Condition[]
  readonly lastAppliedRevision?: string
  readonly history?: readonly { readonly version: number }[]
  readonly observedGeneration?: number
}

const statusOf = (object: Manifest): FluxStatus => (object.status ?? {}) as FluxStatus

function readyOf(object: Manifest): Condition | undefined {
  const { conditions = [], observedGeneration } = statusOf(object)
  const ready = conditions.find(({ type }) => type === 'Ready')
  return (ready?.observedGeneration ?? observedGeneration) === object.metadata.generation ? ready : undefined
}

function troubleOf(object: Manifest): readonly string[] {
  if (object.kind !== 'Kustomization' && object.kind !== 'HelmRelease') return []
  const ready = readyOf(object)
  if (ready?.status === 'True') return []
  const says = ready ? `${ready.reason}: ${ready.message}` : 'not worked on yet'
  return [`${object.kind} ${object.metadata.namespace}/${object.metadata.name}: ${says}`]
}
