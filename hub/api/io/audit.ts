import type { Db } from '../../db/db.ts'
import type { Audit } from '../ports.ts'

/** Writes the audit log: who asked for which write, and what came of it. */
export function createAudit(db: Db): Audit {
  return async ({ detail, object, outcome, subject, verb }) => {
    await db.query('insert into audit (subject, verb, object, outcome, detail) values ($1, $2, $3, $4, $5)', [
      subject,
      verb,
      object,
      outcome,
      detail ?? '',
    ])
  }
}
