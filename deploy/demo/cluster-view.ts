import { type KubeConnection, openKube } from '../../agent/kube/connection.ts'
import { inform } from '../../agent/kube/inform.ts'
import type { Collection, ObjectAt } from '../../agent/kube/model.ts'
import { kubeconfigTarget } from '../../agent/kube/target.ts'
import { background } from '../../proto/base/background.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import { systemRandom } from '../../proto/base/random.ts'
import type { Condition } from '../../proto/model/condition.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { nowMs } from './screen.ts'

/** What is watched: enough to tell the story without asking again and again. */
const WATCHED: readonly Collection[] = [
  { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization' },
  { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop' },
]

/** One cluster as its administrator sees it, past hub and agent, by watch. */
export interface ClusterView extends AsyncDisposable {
  readonly name: string
  readonly kubeconfig: string
  deployment(name: string): Deployment | undefined
  kustomization(namespace: string, name: string): Kustomization | undefined
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

interface Waiter {
  readonly is: () => boolean
  readonly resolve: (atMs: number) => void
}

export async function openClusterView({ name, kubeconfig }: { readonly name: string; readonly kubeconfig: string }): Promise<ClusterView> {
  await using scope = new AsyncDisposableStack()
  const kube = scope.use(openKube(await kubeconfigTarget(kubeconfig, systemClock), { clock: systemClock, random: systemRandom }))
  const objects = new Map<string, Manifest>()
  const waiters = new Set<Waiter>()
  const ended = Promise.withResolvers<never>()
  ended.promise.catch(() => undefined)
  const changed = () => {
    for (const waiter of waiters) if (waiter.is()) waiter.resolve(nowMs())
  }
  for (const of of WATCHED) background(scope, (signal) => follow(kube, of, { objects, changed, signal }), ended.reject)
  const troubles = () => [...objects.values()].flatMap((object) => troubleOf(object))
  const owned = scope.move()
  return {
    name,
    kubeconfig,
    deployment: (app) => deploymentOf(objects.get(`Deployment/shop/${app}`)),
    kustomization: (namespace, one) => kustomizationOf(objects.get(`Kustomization/${namespace}/${one}`)),
    get: (at, signal) => kube.own.get(at, { signal }),
    async when(what, is, signal) {
      if (is()) return nowMs()
      const { promise, resolve, reject } = Promise.withResolvers<number>()
      const late = () => reject(new FleetError('deadline-exceeded', sentence(`${name}: ${what}: it did not happen in time`, troubles())))
      signal.addEventListener('abort', late, { once: true })
      const waiter = { is, resolve }
      waiters.add(waiter)
      try {
        return await Promise.race([promise, ended.promise])
      } finally {
        waiters.delete(waiter)
        signal.removeEventListener('abort', late)
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

interface Following {
  readonly objects: Map<string, Manifest>
  readonly changed: () => void
  readonly signal: AbortSignal
}

async function follow(kube: KubeConnection, of: Collection, { objects, changed, signal }: Following): Promise<void> {
  for await (const told of inform(kube.own, of, { signal, clock: systemClock, random: systemRandom })) {
    if (told.kind === 'upsert') objects.set(`${of.kind}/${told.object.metadata.namespace}/${told.object.metadata.name}`, told.object)
    else if (told.kind === 'delete') objects.delete(`${of.kind}/${told.ref.namespace}/${told.ref.name}`)
    else continue
    changed()
  }
}

function deploymentOf(object: Manifest | undefined): Deployment | undefined {
  if (!object) return undefined
  const spec = object.spec as { replicas?: number; template: { spec: { containers: readonly { image: string }[] } } }
  return { uid: object.metadata.uid ?? '', replicas: spec.replicas ?? 1, image: spec.template.spec.containers[0]?.image ?? '' }
}

function kustomizationOf(object: Manifest | undefined): Kustomization | undefined {
  if (!object) return undefined
  const { conditions = [], lastAppliedRevision: applied, observedGeneration } = (object.status ?? {}) as KustomizationStatus
  const ready = conditions.find(({ type }) => type === 'Ready')
  const seen = ready?.observedGeneration ?? observedGeneration
  return { applied, ready: seen === object.metadata.generation ? ready : undefined }
}

interface KustomizationStatus {
  readonly conditions?: readonly Condition[]
  readonly lastAppliedRevision?: string
  readonly observedGeneration?: number
}

function troubleOf(object: Manifest): readonly string[] {
  if (object.kind !== 'Kustomization') return []
  const ready = kustomizationOf(object)?.ready
  if (ready?.status === 'True') return []
  const says = ready ? `${ready.reason}: ${ready.message}` : 'not worked on yet'
  return [`Kustomization ${object.metadata.namespace}/${object.metadata.name}: ${says}`]
}

function sentence(what: string, troubles: readonly string[]): string {
  return troubles.length === 0 ? what : `${what} (${troubles.join('; ')})`
}
