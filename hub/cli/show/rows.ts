import type { Condition } from '../../../proto/model/condition.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { CLUSTER_LABEL } from '../../../proto/model/names.ts'
import { isRelease, releaseRevision } from './release.ts'

/** What `flux get` shows of an object, and the cluster that it is in. */
export interface FluxRow {
  readonly cluster: string
  readonly namespace: string
  readonly name: string
  readonly revision: string
  readonly suspended: boolean
  readonly ready: string
  readonly message: string
}

interface Shape {
  readonly spec?: { readonly suspend?: boolean }
  readonly status?: {
    readonly conditions?: readonly Condition[]
    readonly lastAppliedRevision?: string
    readonly artifact?: { readonly revision?: string }
  }
}

export function fluxRow(object: Manifest, cluster?: string): FluxRow {
  const { spec, status } = object as Shape
  const ready = readyOf(object)
  return {
    cluster: cluster ?? object.metadata.labels?.[CLUSTER_LABEL] ?? '',
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
    revision: isRelease(object) ? releaseRevision(object) : shortRevision(status?.lastAppliedRevision ?? status?.artifact?.revision ?? ''),
    suspended: spec?.suspend === true,
    ready: ready?.status ?? 'Unknown',
    message: ready ? shortRevision(ready.message) : 'waiting to be reconciled',
  }
}

export function readyOf(object: Manifest): Condition | undefined {
  return (object as Shape).status?.conditions?.find(({ type }) => type === 'Ready')
}

/** Flux shows seven or eight digits of a commit in tables. */
export function shortRevision(text: string): string {
  return text.replace(/(sha1:[0-9a-f]{8})[0-9a-f]{32}|(sha256:[0-9a-f]{8})[0-9a-f]{56}/g, (_all, one, two) => one ?? two)
}

/** Text for a cell: Go's spelling of truth, as flux prints it. */
export function truth(value: boolean): string {
  return value ? 'True' : 'False'
}
