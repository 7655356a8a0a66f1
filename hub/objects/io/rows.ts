import { metaTime } from '../../../proto/model/condition.ts'
import { type Manifest, type ObjectMeta, refOf } from '../../../proto/model/manifest.ts'
import { apiVersionOf, versionOf } from '../../../proto/model/object-ref.ts'
import type { StoredObject, Version } from '../model.ts'
import { withRevision } from '../revision.ts'
import { compareVersions, encodeVersion } from '../version.ts'

type Json = Readonly<Record<string, unknown>>

/** A row of `objects` with what is served together with it. */
export interface ObjectRow {
  readonly scope: string
  readonly grp: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly version: string
  readonly uid: string
  readonly generation: bigint
  readonly created_at: Date
  readonly labels: Record<string, string>
  readonly annotations: Record<string, string>
  readonly metadata: Json
  readonly spec: unknown
  readonly status: unknown
  readonly rest: Json
  readonly origin_version: string | null
  readonly created_xid: string
  readonly xid: string
  readonly seq: bigint
  readonly reached_revision?: string | null
  readonly reached_at?: Date | null
  readonly reached_xid?: string | null
  readonly reached_seq?: bigint | null
  readonly in_line?: boolean | null
  readonly applied?: string | null
  readonly attempted?: string | null
  readonly artifact_digest?: string | null
  readonly artifact_revision?: string | null
  readonly artifact_bytes?: bigint | null
  readonly artifact_at?: Date | null
  readonly source_xid?: string | null
  readonly source_seq?: bigint | null
}

/** The row as it is served, with a resourceVersion of this lineage. */
export function storedObject(row: ObjectRow, lineage: bigint): StoredObject {
  const rowVersion = { xid: BigInt(row.xid), seq: row.seq }
  const version = newest(rowVersion, at(row.reached_xid, row.reached_seq), at(row.source_xid, row.source_seq))
  const bare = manifestOf(row, encodeVersion(version, lineage))
  return {
    scope: row.scope,
    manifest: row.scope === 'fleet' ? bare : withRevision(bare, factsOf(row)),
    version,
    rowVersion,
    originVersion: row.origin_version ?? undefined,
    createdXid: BigInt(row.created_xid),
  }
}

export interface TombstoneRow {
  readonly scope: string
  readonly xid: string
  readonly seq: bigint
  readonly last: Manifest
}

/** The object as it last was; its version is that of its deletion. */
export function lastState({ last, scope, seq, xid }: TombstoneRow, lineage: bigint): StoredObject {
  const version = { xid: BigInt(xid), seq }
  const metadata = { ...last.metadata, resourceVersion: encodeVersion(version, lineage) }
  return { scope, manifest: { ...last, metadata }, version, rowVersion: version, originVersion: undefined, createdXid: 0n }
}

function manifestOf(row: ObjectRow, resourceVersion: string): Manifest {
  const metadata: ObjectMeta = {
    name: row.name,
    ...(row.namespace === '' ? {} : { namespace: row.namespace }),
    uid: row.uid,
    resourceVersion,
    generation: Number(row.generation),
    creationTimestamp: metaTime(row.created_at),
    ...(Object.keys(row.labels).length > 0 ? { labels: row.labels } : {}),
    ...(Object.keys(row.annotations).length > 0 ? { annotations: row.annotations } : {}),
    ...row.metadata,
  }
  return {
    apiVersion: apiVersionOf(row.grp, row.version),
    kind: row.kind,
    metadata,
    ...row.rest,
    ...(row.spec === null ? {} : { spec: row.spec }),
    ...(row.status === null ? {} : { status: row.status }),
  }
}

function factsOf(row: ObjectRow) {
  return {
    reached: row.reached_revision && row.reached_at ? { revision: row.reached_revision, at: row.reached_at } : undefined,
    straggler: row.in_line === false ? { applied: row.applied ?? '', attempted: row.attempted ?? '' } : undefined,
    artifact: row.artifact_digest
      ? {
          digest: row.artifact_digest,
          revision: row.artifact_revision ?? '',
          bytes: Number(row.artifact_bytes ?? 0n),
          at: row.artifact_at ?? undefined,
        }
      : undefined,
  }
}

function at(xid: string | null | undefined, seq: bigint | null | undefined): Version | undefined {
  return xid == null || seq == null ? undefined : { xid: BigInt(xid), seq }
}

function newest(first: Version, ...others: readonly (Version | undefined)[]): Version {
  return others.reduce<Version>((best, next) => (next && compareVersions(next, best) > 0 ? next : best), first)
}

/** Columns of a manifest, in the order of `COLUMNS`. */
export function columnsOf(scope: string, manifest: Manifest, originVersion: string | null): readonly unknown[] {
  const { apiVersion, kind: _kind, metadata, spec, status, ...rest } = manifest
  const { group, kind, namespace, name } = refOf(manifest)
  const { uid, generation, creationTimestamp, labels, annotations, ...more } = metadata
  const { name: _name, namespace: _space, resourceVersion: _version, managedFields: _fields, selfLink: _link, ...kept } = more
  return [
    scope,
    group,
    kind,
    namespace,
    name,
    versionOf(apiVersion),
    uid ?? '',
    generation ?? 1,
    creationTimestamp ?? new Date().toISOString(),
    JSON.stringify(labels ?? {}),
    JSON.stringify(annotations ?? {}),
    JSON.stringify(kept),
    spec === undefined ? null : JSON.stringify(spec),
    status === undefined ? null : JSON.stringify(status),
    JSON.stringify(rest),
    originVersion,
  ]
}

export const COLUMNS =
  'scope, grp, kind, namespace, name, version, uid, generation, created_at, labels, annotations, metadata, spec, status, rest, origin_version'
