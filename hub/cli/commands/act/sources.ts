import { FleetError } from '../../../../proto/base/errors.ts'
import { chartSourceOf } from '../../../../proto/model/flux/helm/chart-source.ts'
import type { HelmRelease } from '../../../../proto/model/flux/helm/kinds.ts'
import { HELM_CHART, HELM_REPOSITORY } from '../../../../proto/model/flux/source/kinds.ts'
import type { Manifest } from '../../../../proto/model/manifest.ts'
import type { ResourceKind } from '../../../../proto/model/resource/kind.ts'
import type { Found } from '../../ask/places.ts'
import { kindOf, pathOf } from '../../kinds.ts'
import type { Session } from '../../session.ts'
import { isRelease } from '../../show/release.ts'

export type What = Found & { readonly kind: ResourceKind }

/** True for a registry that charts are looked up in: it has no index that could be fetched. */
export function isLookedUpOnly({ kind, object }: What): boolean {
  return kind.kind === HELM_REPOSITORY.kind && (object.spec as { readonly type?: string } | undefined)?.type === 'oci'
}

/** What an object takes its content from, in the order in which it is fetched: behind a HelmChart stands its repository. */
export async function sourcesOf(session: Session, what: What): Promise<readonly What[]> {
  const source = await sourceOf(session, what)
  return source.kind.kind === HELM_CHART.kind ? [await sourceOf(session, source), source] : [source]
}

/** The source of an object, in the same cluster. */
async function sourceOf(session: Session, { object, where }: What): Promise<What> {
  const ref = sourceRefOf(object)
  if (!ref) throw new FleetError('invalid', `${object.kind} ${object.metadata.name} has no source; leave --with-source out`)
  const kind = kindOf([ref.kind])
  const at = { cluster: where.cluster, namespace: ref.namespace ?? where.namespace, name: ref.name }
  const found = await (await session.hub()).find(pathOf(kind, at), { signal: session.signal })
  if (found) return { kind, object: found, where: at }
  throw new FleetError(
    'not-found',
    `${object.kind} ${where.name} takes its content from ${ref.kind} ${ref.name}, which is not in ${where.cluster}`,
  )
}

interface SourceRef {
  readonly kind: string
  readonly name: string
  readonly namespace?: string
}

function sourceRefOf(object: Manifest): SourceRef | undefined {
  if (isRelease(object)) return chartSourceOf(object as unknown as HelmRelease)
  return (object.spec as { readonly sourceRef?: SourceRef } | undefined)?.sourceRef
}
