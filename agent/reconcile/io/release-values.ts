import { FleetError, messageOf } from '../../../proto/base/errors.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import { refOf } from '../../../proto/model/manifest.ts'
import { refKey } from '../../../proto/model/object-ref.ts'
import type { Configs } from './configs.ts'

type Reference = NonNullable<HelmRelease['spec']['valuesFrom']>[number]
type Values = Readonly<Record<string, unknown>>
type Merge = (
  sources: readonly (Reference & { readonly data: Readonly<Record<string, string>> | undefined })[],
  inline?: Values,
) => { readonly values: Values; readonly secrets: readonly string[] } | { readonly problem: string }

export interface ReleaseValuesDeps {
  readonly configs: Pick<Configs, 'hold' | 'read'>
  readonly merge: Merge
}

type Found = { readonly values: Values; readonly secrets: readonly string[] } | { readonly reason: string; readonly problem: string }

/** The values of a release beside its chart's own: what `valuesFrom` names is read by name, as the account that releases. */
export function createReleaseValues({ configs, merge }: ReleaseValuesDeps) {
  return async (object: HelmRelease, { account, signal }: { account: ServiceAccountRef; signal: AbortSignal }): Promise<Found> => {
    const namespace = object.metadata.namespace ?? ''
    const owner = refKey(refOf(object))
    configs.hold(
      owner,
      (object.spec.valuesFrom ?? []).map(({ kind, name }) => ({ kind, name, namespace })),
      account,
    )
    const read = new Map<string, Readonly<Record<string, string>> | undefined>()
    const sources: Parameters<Merge>[0][number][] = []
    for (const reference of object.spec.valuesFrom ?? []) {
      const { kind, name } = reference
      const key = `${kind}/${name}`
      try {
        if (!read.has(key)) read.set(key, await configs.read(owner, { kind, namespace, name }, { account, signal }))
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof FleetError) || error.code !== 'forbidden') throw error
        return {
          reason: 'ValuesError',
          problem: `could not resolve ${kind} chart values reference '${namespace}/${name}': ${messageOf(error)}`,
        }
      }
      sources.push({ ...reference, data: read.get(key) })
    }
    const merged = merge(sources, object.spec.values)
    return 'problem' in merged ? { reason: 'ValuesError', problem: `could not resolve chart values: ${merged.problem}` } : merged
  }
}
