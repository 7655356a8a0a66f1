import { createHash, createHmac } from 'node:crypto'
import type { ClusterId } from '../../proto/model/ids.ts'
import { agentSubjects, inboxPrefix } from '../../proto/model/subjects.ts'
import { createNkey, encode32, type Nkey, userNkey } from './nkeys.ts'

const UNLIMITED = -1

/** Who may do what in NATS: the keys from which everything else follows. */
export interface NatsKeys {
  readonly operator: Nkey
  readonly system: Nkey
  readonly account: Nkey
}

/** A NATS user: the token that says what it may do, and the seed that proves to be it. */
export interface NatsUser {
  readonly user: string
  readonly jwt: string
  readonly seed: string
}

export function operatorJwt(keys: NatsKeys, now: Date): string {
  return token(
    keys.operator,
    { sub: keys.operator.public, name: 'flotilla', nats: { type: 'operator', system_account: keys.system.public } },
    now,
  )
}

export function systemJwt(keys: NatsKeys, now: Date): string {
  return token(keys.operator, { sub: keys.system.public, name: 'system', nats: { type: 'account', limits: limits(0) } }, now)
}

/**
 * The account that hub and agents share.
 * @param revoked  users that are turned away, until their tokens would have ended
 */
export function accountJwt(keys: NatsKeys, revoked: readonly { readonly user: string; readonly until: Date }[], now: Date): string {
  const revocations = Object.fromEntries(revoked.map(({ user, until }) => [user, seconds(until)]))
  const nats = { type: 'account', limits: limits(UNLIMITED), ...(revoked.length > 0 ? { revocations } : {}) }
  return token(keys.operator, { sub: keys.account.public, name: 'fleet', nats }, now)
}

/** A user of the hub itself, for as long as the process runs. */
export function hubUser(account: Nkey, name: string, now: Date): NatsUser {
  return user(account, { key: createNkey('user'), name, permissions: {}, now })
}

/** An agent's user: publishes its own reports, hears their acknowledgements, and nothing else. */
export function agentUser(
  keys: NatsKeys,
  input: { readonly clusterId: ClusterId; readonly serial: string; readonly notAfter: Date; readonly now: Date },
): NatsUser {
  const key = agentKey(keys, input.serial)
  const permissions = { pub: { allow: [agentSubjects(input.clusterId)] }, sub: { allow: [`${inboxPrefix(input.clusterId)}.>`] } }
  return user(keys.account, { key, name: input.clusterId, permissions, now: input.now, expires: input.notAfter })
}

/**
 * The key of an agent's user, which follows from its certificate's serial: so the user of any certificate can be revoked, also of
 * one that a database set back to an earlier state does not know.
 */
export function agentKey({ account }: NatsKeys, serial: string): Nkey {
  return userNkey(createHmac('sha256', account.seed).update(`agent user ${serial}`).digest())
}

interface UserInput {
  readonly key: Nkey
  readonly name: string
  readonly permissions: object
  readonly now: Date
  readonly expires?: Date
}

function user(account: Nkey, { key, name, permissions, now, expires }: UserInput): NatsUser {
  const nats = { pub: {}, sub: {}, ...permissions, subs: UNLIMITED, data: UNLIMITED, payload: UNLIMITED, type: 'user' }
  const claims = { sub: key.public, name, nats, ...(expires ? { exp: seconds(expires) } : {}) }
  return { user: key.public, seed: key.seed, jwt: token(account, claims, now) }
}

function limits(storage: number): object {
  const plain = { subs: UNLIMITED, data: UNLIMITED, payload: UNLIMITED, imports: UNLIMITED, exports: UNLIMITED, wildcards: true }
  const streams = { mem_storage: storage, disk_storage: storage, streams: storage, consumer: storage }
  return { ...plain, conn: UNLIMITED, leaf: UNLIMITED, ...(storage === 0 ? {} : streams) }
}

function token(issuer: Nkey, claims: { readonly nats: object; readonly [key: string]: unknown }, now: Date): string {
  const body = { iat: seconds(now), iss: issuer.public, ...claims, nats: { ...claims.nats, version: 2 } }
  const jti = encode32(createHash('sha512-256').update(JSON.stringify(body)).digest())
  const text = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part({ jti, ...body })}`
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString('base64url')}`
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function seconds(at: Date): number {
  return Math.floor(at.getTime() / 1000)
}
