import { type Manifest, refOf } from '../../../proto/model/manifest.ts'
import type { ObjectRef } from '../../../proto/model/object-ref.ts'
import type { Db, Sql } from '../../db/db.ts'
import { foldMirror } from './fold.ts'
import { notifyObjects } from './hint.ts'

/** Takes the result of a write in a cluster into the mirror at once, so that who wrote reads it. */
export function createMirrorWriter(db: Db) {
  return {
    async fold(clusterId: string, manifest: Manifest): Promise<void> {
      const originVersion = manifest.metadata.resourceVersion ?? '0'
      await db.transaction((tx) =>
        foldMirror(tx, { upserts: [{ clusterId, ref: refOf(manifest), originVersion, manifest }], deletions: [] }),
      )
    },

    async forget(clusterId: string, manifest: Manifest, originVersion: string): Promise<void> {
      const deletion = { clusterId, ref: refOf(manifest), uid: manifest.metadata.uid ?? '', originVersion }
      await db.transaction((tx) => foldMirror(tx, { upserts: [], deletions: [deletion] }))
    },
  }
}

interface Seen {
  readonly clusterId: string
  readonly value: { readonly ref: ObjectRef; readonly uid: string; readonly resourceVersion: string }
}

/** Reports as the fold takes them in, inside its transaction. */
export const mirrorFold = {
  notify: notifyObjects,
  async upsert(tx: Sql, objects: readonly (Seen & { readonly value: { readonly manifest: Manifest } })[]): Promise<void> {
    const upserts = objects.map(({ clusterId, value }) => ({
      clusterId,
      ref: value.ref,
      originVersion: value.resourceVersion,
      manifest: value.manifest,
    }))
    await foldMirror(tx, { upserts, deletions: [] })
  },
  /** What the agent says is gone is gone, whatever versions say. */
  async remove(tx: Sql, objects: readonly Seen[]): Promise<void> {
    const deletions = objects.map(({ clusterId, value }) => ({
      clusterId,
      ref: value.ref,
      uid: value.uid,
      originVersion: value.resourceVersion,
    }))
    await foldMirror(tx, { upserts: [], deletions, relist: true })
  },
} as const
