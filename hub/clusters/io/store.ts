import { FleetError } from '../../../proto/base/errors.ts'
import type { ClusterId } from '../../../proto/model/ids.ts'
import type { Db, Sql } from '../../db/db.ts'
import type { Certificate, Cluster, JoinToken } from '../model.ts'
import type { ClusterRows, ClusterStore } from '../ports.ts'

/** Expired certificates that are kept of a cluster: an agent that was off for long renews with one of the last. */
const KEPT_EXPIRED = 5

/** Clusters, join tokens and certificates in Postgres. */
export function clusterStore(db: Db): ClusterStore {
  return {
    ...rowsOver(db),
    atomically: (work) => db.transaction((tx) => work(rowsOver(tx))),
    clusters: async () => (await db.query<ClusterRow>(`${SELECT_CLUSTER} order by name`)).rows.map(clusterOf),
    tokens: async () => (await db.query<TokenRow>('select * from join_tokens order by created_at desc')).rows.map(tokenOf),
    addToken: (token) => addToken(db, token),
    async revokeToken(id) {
      return (await db.query('update join_tokens set revoked_at = coalesce(revoked_at, now()) where id = $1', [id])).rowCount > 0
    },
    async revokedUsers() {
      await db.query('delete from nats_revocations where until < now()')
      return (await db.query<{ user: string; until: Date }>('select nats_user as user, until from nats_revocations order by 1')).rows
    },
  }
}

interface ClusterRow {
  readonly id: ClusterId
  readonly name: string
  readonly cluster_uid: string
  readonly public_key: string
  readonly created_at: Date
  readonly approved_at: Date | null
  readonly approved_by: string | null
}

interface TokenRow {
  readonly id: string
  readonly hash: string
  readonly description: string
  readonly cluster_name: string | null
  readonly labels: Record<string, string>
  readonly auto_approve: boolean
  readonly uses_left: number
  readonly expires_at: Date
  readonly revoked_at: Date | null
  readonly created_at: Date
  readonly created_by: string
}

const SELECT_CLUSTER = 'select id, name, cluster_uid, public_key, created_at, approved_at, approved_by from clusters'

function rowsOver(sql: Sql): ClusterRows {
  const one = async (where: string, value: string) => {
    const { rows } = await sql.query<ClusterRow>(`${SELECT_CLUSTER} where ${where} = $1`, [value])
    return rows[0] && clusterOf(rows[0])
  }
  return {
    async tokenForUpdate(id) {
      const { rows } = await sql.query<TokenRow>('select * from join_tokens where id = $1 for update', [id])
      return rows[0] && tokenOf(rows[0])
    },
    clusterByName: (name) => one('name', name),
    clusterByKey: (publicKey) => one('public_key', publicKey),
    async keyRevoked(publicKey) {
      return (
        (await sql.query('select 1 from certificates where public_key = $1 and revoked_at is not null limit 1', [publicKey])).rowCount > 0
      )
    },
    clusterById: (id) => one('id', id),
    addCluster: (cluster, csr) => addCluster(sql, cluster, csr),
    async takeUse(tokenId) {
      await sql.query('update join_tokens set uses_left = uses_left - 1 where id = $1', [tokenId])
    },
    async approve(id, by) {
      await sql.query('update clusters set approved_at = now(), approved_by = $2 where id = $1 and approved_at is null', [id, by])
    },
    async removeCluster(id) {
      await sql.query('delete from clusters where id = $1', [id])
    },
    certificate: (serial) => certificate(sql, serial),
    addCertificate: (added) => addCertificate(sql, added),
    async restoreCertificate(forgotten) {
      await sql.query(`${INSERT_CERTIFICATE} on conflict (serial) do nothing`, certificateRow(forgotten))
    },
    revokeCertificates: (id) => revokeCertificates(sql, id),
    async audit({ subject, verb, object, outcome, detail = '' }) {
      await sql.query('insert into audit (subject, verb, object, outcome, detail) values ($1, $2, $3, $4, $5)', [
        subject,
        verb,
        object,
        outcome,
        detail,
      ])
    },
  }
}

async function addCluster(sql: Sql, cluster: Cluster, csr: Uint8Array): Promise<void> {
  await sql.query(
    `with added as (
       insert into clusters (id, name, cluster_uid, public_key, csr, created_at, approved_at, approved_by)
       values ($1, $2, $3, $4, $5, $6, $7, $8) returning id)
     insert into cluster_heads (cluster_id) select id from added`,
    [cluster.id, cluster.name, cluster.clusterUid, cluster.publicKey, csr, cluster.createdAt, cluster.approvedAt, cluster.approvedBy],
  )
}

async function addToken(sql: Sql, token: JoinToken): Promise<void> {
  await sql.query(
    `insert into join_tokens (id, hash, description, cluster_name, labels, auto_approve, uses_left, expires_at, created_at, created_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      ...[token.id, token.hash, token.description, token.clusterName, token.labels],
      ...[token.autoApprove, token.usesLeft, token.expiresAt, token.createdAt, token.createdBy],
    ],
  )
}

async function certificate(sql: Sql, serial: string): Promise<Certificate | undefined> {
  const { rows } = await sql.query<Omit<Certificate, 'revokedAt'> & { revokedAt: Date | null }>(
    `select serial, cluster_id as "clusterId", public_key as "publicKey", nats_user as "natsUser", not_after as "notAfter",
            revoked_at as "revokedAt" from certificates where serial = $1`,
    [serial],
  )
  return rows[0] && { ...rows[0], revokedAt: rows[0].revokedAt ?? undefined }
}

const INSERT_CERTIFICATE = 'insert into certificates (serial, cluster_id, public_key, nats_user, not_after) values ($1, $2, $3, $4, $5)'

function certificateRow({ serial, clusterId, publicKey, natsUser, notAfter }: Certificate): unknown[] {
  return [serial, clusterId, publicKey, natsUser, notAfter]
}

async function addCertificate(sql: Sql, added: Certificate): Promise<void> {
  try {
    await sql.query(INSERT_CERTIFICATE, certificateRow(added))
  } catch (error) {
    if (!(error instanceof FleetError) || error.code !== 'already-exists') throw error
    throw new FleetError('forbidden', 'issue a certificate: this signing request was answered before; make a new one', { cause: error })
  }
  await sql.query(
    `delete from certificates where cluster_id = $1 and not_after < now() and revoked_at is null and serial not in (
       select serial from certificates where cluster_id = $1 order by created_at desc limit ${KEPT_EXPIRED})`,
    [added.clusterId],
  )
}

async function revokeCertificates(sql: Sql, id: ClusterId): Promise<void> {
  await sql.query(
    `with revoked as (update certificates set revoked_at = now() where cluster_id = $1 and revoked_at is null returning nats_user, not_after)
     insert into nats_revocations (nats_user, until) select nats_user, not_after from revoked where not_after > now() on conflict do nothing`,
    [id],
  )
}

function clusterOf(row: ClusterRow): Cluster {
  return {
    id: row.id,
    name: row.name,
    clusterUid: row.cluster_uid,
    publicKey: row.public_key,
    createdAt: row.created_at,
    approvedAt: row.approved_at ?? undefined,
    approvedBy: row.approved_by ?? undefined,
  }
}

function tokenOf(row: TokenRow): JoinToken {
  return {
    id: row.id,
    hash: row.hash,
    description: row.description,
    clusterName: row.cluster_name ?? undefined,
    labels: row.labels,
    autoApprove: row.auto_approve,
    usesLeft: row.uses_left,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at ?? undefined,
    createdAt: row.created_at,
    createdBy: row.created_by,
  }
}
