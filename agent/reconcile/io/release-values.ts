import { FleetError, messageOf } from '../../../proto/base/errors.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import type { ImpersonatedKube } from '../../kube/model.ts'

type Reference = NonNullable<HelmRelease['spec']['valuesFrom']>[number]
type Values = Readonly<Record<string, unknown>>
type Merge = (
  sources: readonly (Reference & { readonly data: Readonly<Record<string, string>> | undefined })[],
  inline?: Values,
) => { readonly values: Values; readonly secrets: readonly string[] } | { readonly problem: string }

export interface ReleaseValuesDeps {
  readonly as: (account: ServiceAccountRef) => ImpersonatedKube
  readonly merge: Merge
}

type Found = { readonly values: Values; readonly secrets: readonly string[] } | { readonly reason: string; readonly problem: string }

/** The values of a release beside its chart's own: what `valuesFrom` names is read by name, as the account that releases. */
export function createReleaseValues({ as, merge }: ReleaseValuesDeps) {
  return async (object: HelmRelease, { account, signal }: { account: ServiceAccountRef; signal: AbortSignal }): Promise<Found> => {
    const namespace = object.metadata.namespace ?? ''
    const read = new Map<string, Readonly<Record<string, string>> | undefined>()
    const sources: Parameters<Merge>[0][number][] = []
    for (const reference of object.spec.valuesFrom ?? []) {
      const { kind, name } = reference
      const key = `${kind}/${name}`
      try {
        if (!read.has(key)) read.set(key, await dataOf(as(account), { kind, namespace, name }, signal))
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

async function dataOf(
  kube: ImpersonatedKube,
  { kind, name, namespace }: { readonly kind: Reference['kind']; readonly name: string; readonly namespace: string },
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>> | undefined> {
  const live = await kube.get({ apiVersion: 'v1', kind, namespace, name }, { signal })
  if (!live) return undefined
  const data = Object.entries((live.data ?? {}) as Readonly<Record<string, unknown>>).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return Object.fromEntries(kind === 'Secret' ? data.map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]) : data)
}
