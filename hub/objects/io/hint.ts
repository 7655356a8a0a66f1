import type { Sql } from '../../db/db.ts'

/** Channel on which writers say that there is something to read. */
export const OBJECTS_CHANNEL = 'flotilla_objects'

/** Wakes whoever watches objects, when the transaction commits; call it after any write that takes an (xid, seq). */
export async function notifyObjects(tx: Sql): Promise<void> {
  await tx.query(`select pg_notify('${OBJECTS_CHANNEL}', '')`)
}
