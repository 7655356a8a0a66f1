import type { Clock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import { sha256 } from '../../proto/base/hash.ts'
import type { Random } from '../../proto/base/random.ts'
import { type ClusterId, parseClusterId } from '../../proto/model/ids.ts'
import {
  type Certificate,
  type Cluster,
  type ClusterCredentials,
  formatToken,
  type JoinRequest,
  type JoinToken,
  parseToken,
} from './model.ts'
import { clusterValidity } from './pki.ts'
import type { Authority, ClusterRows, ClusterStore, Listeners, NatsUsers, PresentedCertificate, SigningRequest } from './ports.ts'
import { decideJoin, decideRenewal, isForgotten, type Refused } from './register.ts'

export interface ClusterDeps {
  readonly store: ClusterStore
  readonly authority: Authority
  readonly nats: NatsUsers
  readonly listeners: Listeners
  readonly clock: Clock
  readonly random: Random
  readonly certificateLifeMs: number
}

export type Joined = { readonly kind: 'credentials'; readonly credentials: ClusterCredentials } | { readonly kind: 'pending' }

export interface NewToken {
  readonly description: string
  readonly clusterName: string | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly autoApprove: boolean
  readonly uses: number
  readonly lifeMs: number
}

/** A certificate as TLS verified it. */
export interface VerifiedCertificate {
  readonly clusterId: ClusterId
  readonly serial: string
  readonly der: Uint8Array
}

/** Membership: who may become a cluster of the fleet, and for how long it stays one. `by` is the person who asks. */
export interface ClusterService {
  join(request: JoinRequest): Promise<Joined>
  renew(request: { readonly certificate: Uint8Array; readonly csr: Uint8Array }): Promise<ClusterCredentials>
  /** The member that a verified certificate is of. @throws `unauthenticated` or `forbidden` */
  member(certificate: VerifiedCertificate): Promise<Cluster>
  approve(name: string, by: string): Promise<Cluster>
  /** Takes all certificates back; the cluster stays known, but only a new key can join. */
  revoke(name: string, by: string): Promise<void>
  remove(name: string, by: string): Promise<void>
  list(): Promise<readonly Cluster[]>
  createToken(token: NewToken, by: string): Promise<{ readonly token: JoinToken; readonly text: string }>
  tokens(): Promise<readonly JoinToken[]>
  revokeToken(id: string, by: string): Promise<void>
}

export function createClusterService(deps: ClusterDeps): ClusterService {
  const { store } = deps
  return {
    join: (request) => join(deps, request),
    renew: (request) => renew(deps, request),
    member: (certificate) => member(deps, certificate),
    approve: (name, by) => approve(deps, name, by),
    revoke: async (name, by) => {
      await expel(deps, name, { by, verb: 'revoke' })
    },
    remove: async (name, by) => deps.listeners.removed(await expel(deps, name, { by, verb: 'remove' })),
    list: () => store.clusters(),
    createToken: (token, by) => createToken(deps, token, by),
    tokens: () => store.tokens(),
    async revokeToken(id, by) {
      if (!(await store.revokeToken(id))) throw new FleetError('not-found', `revoke the join token ${id}: there is none`)
      await store.audit({ subject: by, verb: 'revoke', object: `join-token/${id}`, outcome: 'done' })
    },
  }
}

async function join(deps: ClusterDeps, request: JoinRequest): Promise<Joined> {
  const signing = deps.authority.readRequest(request.csr)
  const outcome = await deps.store.atomically((rows) => register(deps, rows, { request, signing }))
  if (outcome.kind === 'refused') {
    await deps.store.audit({
      subject: 'agent',
      verb: 'join',
      object: `cluster/${request.clusterName.slice(0, 63)}`,
      outcome: 'refused',
      detail: outcome.why,
    })
    throw refusal('join the fleet', outcome)
  }
  if (outcome.fresh) await deps.listeners.joined(outcome.cluster, outcome.labels)
  if (!outcome.cluster.approvedAt) return { kind: 'pending' }
  return { kind: 'credentials', credentials: await issue(deps, outcome.cluster, signing) }
}

type Registered = {
  readonly kind: 'member'
  readonly cluster: Cluster
  readonly fresh: boolean
  readonly labels: Readonly<Record<string, string>>
}

async function register(
  deps: ClusterDeps,
  rows: ClusterRows,
  { request, signing }: { readonly request: JoinRequest; readonly signing: SigningRequest },
): Promise<Refused | Registered> {
  const now = deps.clock.now()
  const named = parseToken(request.token)
  const token = named && (await rows.tokenForUpdate(named.id))
  const valid = token && named && token.hash === sha256(named.secret) ? token : undefined
  const byName = await rows.clusterByName(request.clusterName)
  const byKey = await rows.clusterByKey(signing.publicKey)
  const decision = decideJoin({
    token: valid,
    name: request.clusterName,
    publicKey: signing.publicKey,
    byName,
    byKey,
    keyRevoked: await rows.keyRevoked(signing.publicKey),
    now,
  })
  if (decision.kind === 'refused') return decision
  if (decision.kind === 'known') return { kind: 'member', cluster: decision.cluster, fresh: false, labels: {} }
  const cluster: Cluster = {
    id: newClusterId(deps.random),
    name: request.clusterName,
    clusterUid: request.clusterUid,
    publicKey: signing.publicKey,
    createdAt: now,
    approvedAt: decision.approved ? now : undefined,
    approvedBy: decision.approved ? `join-token/${valid?.id}` : undefined,
  }
  await rows.addCluster(cluster, request.csr)
  await rows.takeUse(valid?.id ?? '')
  const outcome = decision.approved ? 'approved' : 'pending'
  await rows.audit({ subject: `join-token/${valid?.id}`, verb: 'join', object: `cluster/${cluster.name}`, outcome })
  return { kind: 'member', cluster, fresh: true, labels: valid?.labels ?? {} }
}

async function renew(
  deps: ClusterDeps,
  request: { readonly certificate: Uint8Array; readonly csr: Uint8Array },
): Promise<ClusterCredentials> {
  const presented = deps.authority.readCertificate(request.certificate)
  const signing = deps.authority.readRequest(request.csr)
  const certificate = (await deps.store.certificate(presented.serial)) ?? (await forgotten(deps, presented))
  const cluster = certificate && (await deps.store.clusterById(certificate.clusterId))
  const decision = decideRenewal({ certificateKey: presented.publicKey, requestKey: signing.publicKey, certificate, cluster })
  if (decision.kind === 'renew') return issue(deps, decision.cluster, signing)
  await deps.store.audit({
    subject: 'agent',
    verb: 'renew',
    object: `cluster/${presented.clusterId}`,
    outcome: 'refused',
    detail: decision.why,
  })
  throw refusal('renew the certificate', decision)
}

async function issue(deps: ClusterDeps, cluster: Cluster, signing: SigningRequest): Promise<ClusterCredentials> {
  const now = deps.clock.now()
  const validity = clusterValidity(now, deps.certificateLifeMs)
  const user = deps.nats.issue({ clusterId: cluster.id, serial: signing.serial, notAfter: validity.notAfter, now })
  const certificate = deps.authority.issue(signing, cluster.id, validity)
  await deps.store.addCertificate({
    ...signing,
    clusterId: cluster.id,
    natsUser: user.user,
    notAfter: validity.notAfter,
    revokedAt: undefined,
  })
  const { id: clusterId } = cluster
  const ca = deps.authority.certificate
  return { clusterId, certificate, ca, notAfter: validity.notAfter, natsUrls: deps.nats.urls, natsJwt: user.jwt, natsSeed: user.seed }
}

/** Takes up a certificate that this hub gave and has no row of, if it may: the database was set back to an earlier state. */
async function forgotten(deps: ClusterDeps, presented: PresentedCertificate): Promise<Certificate | undefined> {
  const { serial, publicKey, clusterId, notAfter } = presented
  const cluster = await deps.store.clusterById(clusterId)
  const keyRevoked = await deps.store.keyRevoked(publicKey)
  if (!cluster || !isForgotten({ certificateKey: publicKey, cluster, keyRevoked })) return undefined
  const natsUser = deps.nats.userOf(serial)
  await deps.store.restoreCertificate({ serial, clusterId, publicKey, natsUser, notAfter, revokedAt: undefined })
  await deps.store.audit({ subject: 'agent', verb: 'restore-certificate', object: `cluster/${cluster.name}`, outcome: 'done' })
  return deps.store.certificate(serial)
}

async function member(deps: ClusterDeps, presented: VerifiedCertificate): Promise<Cluster> {
  const known = await deps.store.certificate(presented.serial)
  const certificate = known ?? (await forgotten(deps, deps.authority.readCertificate(presented.der)))
  const cluster = certificate && (await deps.store.clusterById(certificate.clusterId))
  if (!cluster?.approvedAt || cluster.id !== presented.clusterId) {
    throw new FleetError('unauthenticated', 'open a session: the certificate is not of a cluster of this fleet; join again with a token')
  }
  if (certificate?.revokedAt) throw new FleetError('forbidden', `open a session of ${cluster.name}: its certificate was revoked`)
  return cluster
}

async function approve(deps: ClusterDeps, name: string, by: string): Promise<Cluster> {
  const cluster = await deps.store.atomically(async (rows) => {
    const found = await rows.clusterByName(name)
    if (!found) throw new FleetError('not-found', `approve the cluster ${name}: there is none`)
    if (found.approvedAt) return found
    await rows.approve(found.id, by)
    await rows.audit({ subject: by, verb: 'approve', object: `cluster/${name}`, outcome: 'done' })
    return { ...found, approvedAt: deps.clock.now(), approvedBy: by }
  })
  await deps.listeners.joined(cluster, {})
  return cluster
}

/** Certificates first, then the session, then NATS: once the row is written, nobody lets the cluster in again. */
async function expel(
  deps: ClusterDeps,
  name: string,
  { by, verb }: { readonly by: string; readonly verb: 'revoke' | 'remove' },
): Promise<Cluster> {
  const cluster = await deps.store.atomically(async (rows) => {
    const found = await rows.clusterByName(name)
    if (!found) throw new FleetError('not-found', `${verb} the cluster ${name}: there is none`)
    await rows.revokeCertificates(found.id)
    if (verb === 'remove') await rows.removeCluster(found.id)
    await rows.audit({ subject: by, verb, object: `cluster/${name}`, outcome: 'done' })
    return found
  })
  await deps.listeners.expelled(cluster)
  await deps.nats.revoke(await deps.store.revokedUsers())
  return cluster
}

async function createToken(deps: ClusterDeps, input: NewToken, by: string): Promise<{ token: JoinToken; text: string }> {
  const id = deps.random.hex(8)
  const secret = deps.random.hex(32)
  const createdAt = deps.clock.now()
  const { uses, lifeMs, ...rest } = input
  const expiresAt = new Date(createdAt.getTime() + lifeMs)
  const token: JoinToken = { ...rest, id, hash: sha256(secret), usesLeft: uses, expiresAt, revokedAt: undefined, createdAt, createdBy: by }
  await deps.store.addToken(token)
  await deps.store.audit({ subject: by, verb: 'create', object: `join-token/${id}`, outcome: 'done' })
  return { token, text: formatToken(id, secret) }
}

function newClusterId(random: Random): ClusterId {
  const id = parseClusterId(`c-${random.hex(12)}`)
  if (!id) throw new FleetError('internal', 'make a cluster id: its form is wrong')
  return id
}

function refusal(attempted: string, { code, why }: Refused): FleetError {
  return new FleetError(code, `${attempted}: ${why}`)
}
