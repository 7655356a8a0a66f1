import type { WorkQueue } from '../../proto/base/work-queue.ts'
import { refOf } from '../../proto/model/manifest.ts'
import { secretsOf } from '../mirror/credential.ts'
import { kustomizationStatus } from '../mirror/kustomization-status.ts'
import { sourceStatus } from '../mirror/source-status.ts'
import { unservedStatus } from '../mirror/unserved-status.ts'
import { createVoice, type FluxVoice } from '../reconcile/io/voice.ts'
import { wordForOther } from '../reconcile/other-kinds.ts'
import { createSourceReconciler } from '../reconcile/sources.ts'
import { createWaking, type Waking } from '../reconcile/waking.ts'
import { createWork } from '../reconcile/work.ts'
import { openHelming } from './helming.ts'
import { consumersOf, keysOf, type Parts } from './parts.ts'
import { openReconciler } from './reconciling.ts'
import { openWatching } from './watching.ts'

/** The queue of objects to look at, and what brings objects into it. */
export function openQueue(parts: Parts, scope: AsyncDisposableStack): Waking {
  const { authority, clock, config, flux, log, random, reporting, store } = parts
  const voice = createVoice({
    mirrored: (key) => flux.mirror.byKey(key),
    write: flux.write,
    record: (object, event) => reporting.events.record(object, event),
    ...{ kustomizationStatus, sourceStatus, unservedStatus, clock },
  })
  const lookAgain = (key: string, waitMs: number) => {
    reconciler.drifted(key)
    queue.add(key, waitMs)
  }
  const watching = openWatching(parts, scope, {
    release: (key, waitMs) => helming.wake(key, waitMs),
    configured: (key, waitMs) => (flux.helmRelease(key) ? helming.wake(key, waitMs) : lookAgain(key, waitMs)),
  })
  const reconciler = openReconciler(parts, { voice, watching, again: (key, afterMs) => queue.add(key, afterMs) })
  const sources = openSources(parts, voice)
  const helming = openHelming(parts, scope, { voice, watching })
  const lookAtSource = (key: string, signal: AbortSignal) => sources.reconcile(key, signal)
  const queue: WorkQueue = scope.use(
    createWork({
      kinds: {
        Kustomization(key, signal) {
          if (flux.kustomization(key)?.spec.suspend ?? true) watching.configs.forget(key)
          return reconciler.reconcile(key, signal)
        },
        ...{ GitRepository: lookAtSource, OCIRepository: lookAtSource, Bucket: lookAtSource },
        ...{ HelmRepository: lookAtSource, HelmChart: lookAtSource },
        HelmRelease: async (key) => void helming.queue.add(key),
      },
      async other(key, signal) {
        const mirrored = flux.mirror.byKey(key)
        const message = mirrored && 'object' in mirrored.parsed ? wordForOther(mirrored.parsed.object, authority.rules.runs) : undefined
        if (message) await voice.unserved(key, message, signal)
        return undefined
      },
      mayAct: () => authority.rules.adoption().kind === 'acting',
      leftAlone(key) {
        reconciler.forget(key)
        const object = flux.kustomization(key)
        if (object) reporting.applied.leftAlone(refOf(object), object.metadata.uid ?? '')
      },
      ...{ concurrency: config.concurrency, clock, random, log },
    }),
  )
  return createWaking({
    ...{ queue, log },
    keys: () => keysOf(flux),
    consumers: () => consumersOf(flux),
    holdings: () => store.holdings.current(),
    adoption: () => authority.rules.adoption(),
    drifted: (key) => reconciler.drifted(key),
    prefetch: (digests) => store.bundles.prefetch(digests),
    tenantsChanged: () => authority.tenantsChanged(),
    report: reporting,
  })
}

function openSources({ flux, random, reporting, store }: Parts, voice: FluxVoice) {
  return createSourceReconciler({
    object: (key) => flux.source(key),
    fact: (key) => store.holdings.current().sourceStatuses.get(key),
    say: (key, word, signal) => voice.source(key, word, signal),
    hasCredential: (object) => secretsOf(object).length > 0,
    refreshCredential: (key, object, signal) => flux.credentials.refresh(key, object, signal),
    tellAgain: (key) => reporting.object(key),
    forget: (key) => flux.credentials.forget(key),
    random,
  })
}
