import { FleetError, messageOf } from '../../../proto/base/errors.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { HELM_MANAGER, SOURCE_GROUP } from '../../../proto/model/names.ts'
import type { ImpersonatedKube } from '../../kube/model.ts'
import type { ChartDesk } from '../helm/ports.ts'

export interface ChartDeskDeps {
  readonly as: (account: ServiceAccountRef) => ImpersonatedKube
  /** The default identity of a namespace. @param leaving  true where something is taken away */
  readonly identify: (
    namespace: string,
    leaving: boolean,
  ) => { readonly kind: 'account'; readonly account: ServiceAccountRef } | { readonly kind: 'refused'; readonly message: string }
  readonly wrote: (manifest: Manifest) => void
}

/** Writes HelmCharts, each as the default identity of the namespace it is in. What the cluster refuses is told, not thrown. */
export function createChartDesk({ as, identify, wrote }: ChartDeskDeps): ChartDesk {
  return {
    async put(chart, signal) {
      const identity = identify(chart.metadata.namespace ?? '', false)
      if (identity.kind === 'refused') return identity.message
      return refused(signal, async () =>
        wrote(await as(identity.account).apply(chart, { fieldManager: HELM_MANAGER, force: true, signal })),
      )
    },
    async remove({ name, namespace }, signal) {
      const identity = identify(namespace, true)
      if (identity.kind === 'refused') return identity.message
      const at = { apiVersion: `${SOURCE_GROUP}/v1`, kind: 'HelmChart', namespace, name }
      return refused(signal, () => as(identity.account).remove(at, { signal }))
    },
  }
}

const REFUSALS = ['forbidden', 'invalid', 'not-found', 'conflict']

async function refused(signal: AbortSignal, work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof FleetError && REFUSALS.includes(error.code)) return messageOf(error)
    throw error
  }
}
