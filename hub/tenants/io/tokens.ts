import type { Db } from '../../db/db.ts'
import type { Action, ApiToken, Role, Subject } from '../model.ts'
import type { TokenStore } from '../ports.ts'

interface TokenRow {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly tenant: string | null
  readonly verbs: readonly Action[] | null
  readonly created_at: Date
  readonly created_by: string
  readonly expires_at: Date | null
  readonly revoked_at: Date | null
}

const COLUMNS = 'id, name, role, tenant, verbs, created_at, created_by, expires_at, revoked_at'
/** Two hubs that start together make one first token. Persisted: do not change. */
const FIRST_TOKEN_LOCK = 7_201_733_554_120_402n

/** `TokenStore` over Postgres. */
export function createTokenStore(db: Db): TokenStore {
  return {
    async insert(token) {
      const { rows } = await db.query<TokenRow>(
        `insert into api_tokens (id, hash, name, role, tenant, verbs, created_by, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, now() + $8::bigint * interval '1 millisecond') returning ${COLUMNS}`,
        [token.id, token.hash, token.name, token.role, token.tenant ?? null, token.verbs ?? null, token.createdBy, token.lifeMs ?? null],
      )
      return rows.map(apiToken)[0] as ApiToken
    },

    insertFirst: ({ hash, id, name }) =>
      db.transaction(async (tx) => {
        await tx.query('select pg_advisory_xact_lock($1)', [FIRST_TOKEN_LOCK])
        const { rows } = await tx.query<TokenRow>(
          `insert into api_tokens (id, hash, name, role, created_by) select $1, $2, $3, 'admin', 'first start'
            where not exists (select from api_tokens) returning ${COLUMNS}`,
          [id, hash, name],
        )
        return rows.map(apiToken)[0]
      }),

    async subject(id, hash) {
      const { rows } = await db.query<TokenRow>(
        `select ${COLUMNS} from api_tokens
          where id = $1 and hash = $2 and revoked_at is null and (expires_at is null or expires_at > now())`,
        [id, hash],
      )
      return rows.map(
        ({ name, role, tenant, verbs }): Subject => ({ name, role, tenant: tenant ?? undefined, verbs: verbs ?? undefined }),
      )[0]
    },

    async list() {
      const { rows } = await db.query<TokenRow>(`select ${COLUMNS} from api_tokens where revoked_at is null order by created_at, id`)
      return rows.map(apiToken)
    },

    async revoke(id) {
      const { rows } = await db.query<TokenRow>(
        `update api_tokens set revoked_at = now() where id = $1 and revoked_at is null returning ${COLUMNS}`,
        [id],
      )
      return rows.map(apiToken)[0]
    },
  }
}

function apiToken(row: TokenRow): ApiToken {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    tenant: row.tenant ?? undefined,
    verbs: row.verbs ?? undefined,
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
  }
}
