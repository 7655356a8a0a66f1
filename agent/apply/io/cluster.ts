import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import { within } from '../../../proto/base/signals.ts'
import { type Manifest, refOf } from '../../../proto/model/manifest.ts'
import { FIELD_MANAGER } from '../../../proto/model/names.ts'
import { formatRef } from '../../../proto/model/object-ref.ts'
import { statusOf } from '../../kube/classify.ts'
import type { ImpersonatedKube, ObjectAt } from '../../kube/model.ts'
import { untilLive } from '../../kube/until-live.ts'
import type { ApplyCluster, Outcome, Wait } from '../ports.ts'

const POLL_MS = 50

/** The cluster as one ServiceAccount; there is none without a subject. */
export function openApplyCluster(kube: ImpersonatedKube, { clock }: { readonly clock: Clock }): ApplyCluster {
  const write = { fieldManager: FIELD_MANAGER, force: true } as const
  return {
    subject: kube.subject,
    async scopeOf(object, signal) {
      const resource = await kube.discovery.resolve(object.apiVersion, object.kind, signal)
      return !resource ? 'unserved' : resource.namespaced ? 'namespaced' : 'cluster'
    },
    live: (object, signal) => kube.get(at(object), { signal }),
    dryRun: (object, signal) => outcome(kube.apply(object, { ...write, dryRun: true, signal })),
    apply: (object, signal) => outcome(kube.apply(object, { ...write, signal })),
    patch: (object, body, signal) => outcome(kube.patch(at(object), { type: 'json', body, fieldManager: FIELD_MANAGER, signal })),
    async replace(live, wait) {
      const uid = live.metadata.uid ?? ''
      const left = await kube.remove(at(live), { uid, signal: wait.signal })
      if (left === 'deleting') await untilLive({ kube, clock }, at(live), { ...wait, enough: (now) => now?.metadata.uid !== uid })
    },
    settled: (object, enough, wait) =>
      untilLive({ kube, clock }, at(object), { ...wait, enough: (live) => live !== undefined && enough(live) }),
    served: (definition, wait) => untilServed({ kube, clock }, definition, wait),
  }
}

/** An Established definition is served a moment later: discovery is asked until it knows the kind. */
async function untilServed(
  deps: { readonly kube: ImpersonatedKube; readonly clock: Clock },
  definition: Manifest,
  wait: Wait,
): Promise<void> {
  const { group, names, versions } = definition.spec as {
    readonly group: string
    readonly names: { readonly kind: string }
    readonly versions: readonly { readonly name: string; readonly served: boolean }[]
  }
  const signal = within(wait.timeoutMs, wait.signal)
  for (const { name } of versions.filter(({ served }) => served)) {
    for (;;) {
      deps.kube.discovery.forget(group)
      if (await deps.kube.discovery.resolve(`${group}/${name}`, names.kind, signal)) break
      wait.signal.throwIfAborted()
      if (signal.aborted)
        throw new FleetError('deadline-exceeded', `timeout waiting for ${formatRef(refOf(definition))}: ${group}/${name} is not served`)
      await deps.clock.sleep(POLL_MS, wait.signal)
    }
  }
}

function at(object: Manifest): ObjectAt {
  const { name, namespace } = object.metadata
  return { apiVersion: object.apiVersion, kind: object.kind, name, ...(namespace ? { namespace } : {}) }
}

/** Refusals are answers; only what nobody answered is an error. */
async function outcome(work: Promise<Manifest>): Promise<Outcome> {
  try {
    return { kind: 'done', object: await work }
  } catch (error) {
    const status = statusOf(error)
    if (!(error instanceof FleetError) || !status || status.code === 429 || status.code > 500) throw error
    return { kind: 'refused', why: { code: error.code, reason: status.reason, message: status.message } }
  }
}
