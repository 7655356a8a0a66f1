import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { Metadata } from '@grpc/grpc-js'
import { delayMs } from '../../../proto/base/backoff.ts'
import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { Random } from '../../../proto/base/random.ts'
import { makeSigningRequest } from '../../../proto/base/signing-request.ts'
import type { JoinResponse, RenewResponse, Credentials as WireCredentials } from '../../../proto/gen/fleet/v1/agent.ts'
import { renewalTime } from '../../../proto/model/identity.ts'
import { parseClusterId } from '../../../proto/model/ids.ts'
import type { Credentials } from '../model.ts'
import { ask, type HubAddress, openClient } from './rpc.ts'
import { readSecretFile, writeSecretFile } from './secret-file.ts'

export interface IdentityOptions {
  readonly hub: HubAddress
  /** Folder of the key and what the hub gave for it. */
  readonly folder: string
  readonly clusterName: string
  readonly clusterUid: string
  /** Needed until the cluster is a member. */
  readonly token: string | undefined
  readonly agentVersion: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** The cluster's key, which never leaves it, and the certificate that the hub gave for it. */
export interface Identity {
  /** PEM */
  readonly privateKey: string
  current(): Credentials
  /** Renews when it is time, until the signal ends it; tells of each renewal. */
  keepFresh(renewed: (credentials: Credentials) => void, signal: AbortSignal): Promise<void>
}

const CALL_MS = 15_000
/** However short the hub makes its certificates. */
const MIN_BETWEEN_MS = 1000
const BACKOFF = { baseMs: 1000, capMs: 60_000 }

/** Takes up the identity in the folder, or joins the fleet: asks until the hub approves, however long that takes. */
export async function openIdentity(options: IdentityOptions, signal: AbortSignal): Promise<Identity> {
  const key = await ownKey(join(options.folder, 'key.pem'))
  const path = join(options.folder, 'credentials.json')
  const known = await readSecretFile(path)
  let current = known === undefined ? await joinFleet(options, key, signal) : credentialsFrom(JSON.parse(known) as StoredCredentials)
  const keep = async (credentials: Credentials) => {
    await writeSecretFile(path, JSON.stringify(credentials))
    current = credentials
  }
  if (known === undefined) await keep(current)
  const privateKey = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  return {
    privateKey,
    current: () => current,
    async keepFresh(renewed, until) {
      for (;;) {
        await waitUntil(options.clock, renewalTime(current, options.random.next()), until)
        await keep(
          await untilItWorks('renew the certificate', options, {
            signal: until,
            work: () => renew(options, { key, current, signal: until }),
          }),
        )
        options.log.info({ event: 'certificate.renewed' }, 'the certificate was renewed')
        renewed(current)
        await options.clock.sleep(MIN_BETWEEN_MS, until)
      }
    },
  }
}

async function ownKey(path: string): Promise<KeyObject> {
  const known = await readSecretFile(path)
  if (known !== undefined) return createPrivateKey(known)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  await writeSecretFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  return privateKey
}

async function joinFleet(options: IdentityOptions, key: KeyObject, signal: AbortSignal): Promise<Credentials> {
  const { token, clusterName, clusterUid, agentVersion } = options
  if (token === undefined)
    throw new FleetError(
      'unauthenticated',
      `join the fleet as ${clusterName}: there is no certificate and no join token; run "flotilla cluster join"`,
    )
  for (;;) {
    const answer = await untilItWorks('join the fleet', options, {
      signal,
      work: () => {
        const request = { token, clusterName, clusterUid, agentVersion, csr: makeSigningRequest(key, options.random.hex(16)) }
        return withClient(options, signal, (client, limits) =>
          ask<JoinResponse>('join the fleet', (deadline, done) => client.join(request, new Metadata(), deadline, done), limits),
        )
      },
    })
    if (answer.answer?.$case === 'credentials') return credentialsFromWire(answer.answer.value, options.hub)
    options.log.info({ event: 'join.pending' }, 'waiting for somebody to approve this cluster')
    const ms = Math.min(60_000, Math.max(200, answer.answer?.value ?? 5000))
    await options.clock.sleep(ms * (0.75 + 0.5 * options.random.next()), signal)
  }
}

async function renew(
  options: IdentityOptions,
  { key, current, signal }: { readonly key: KeyObject; readonly current: Credentials; readonly signal: AbortSignal },
) {
  const request = { certificate: new X509Certificate(current.certificate).raw, csr: makeSigningRequest(key, options.random.hex(16)) }
  const answer = await withClient(options, signal, (client, limits) =>
    ask<RenewResponse>('renew the certificate', (deadline, done) => client.renew(request, new Metadata(), deadline, done), limits),
  )
  if (!answer.credentials) throw new FleetError('internal', 'renew the certificate: the hub sent none')
  return credentialsFromWire(answer.credentials, options.hub)
}

async function withClient<T>(
  options: IdentityOptions,
  signal: AbortSignal,
  work: (client: ReturnType<typeof openClient>, limits: { now: Date; timeoutMs: number; signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const client = openClient(options.hub)
  try {
    return await work(client, { now: options.clock.now(), timeoutMs: CALL_MS, signal })
  } finally {
    client.close()
  }
}

/** A refusal may pass too: somebody makes a new token, or puts a database back. Until then it is asked rarely. */
async function untilItWorks<T>(
  attempted: string,
  { clock, random, log }: IdentityOptions,
  { work, signal }: { readonly work: () => Promise<T>; readonly signal: AbortSignal },
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      const waitMs = delayMs(attempt, { ...BACKOFF, jitter: random.next() })
      log.warn({ event: 'identity.refused', err: error, waitMs }, `could not ${attempted}, trying again`)
      await clock.sleep(waitMs, signal)
    }
  }
}

async function waitUntil(clock: Clock, at: Date, signal: AbortSignal): Promise<void> {
  // In steps, so that a machine that slept notices soon after it wakes.
  for (let left = at.getTime() - clock.now().getTime(); left > 0; left = at.getTime() - clock.now().getTime()) {
    await clock.sleep(Math.min(left, 60_000), signal)
  }
}

function credentialsFromWire(wire: WireCredentials, hub: HubAddress): Credentials {
  const clusterId = parseClusterId(wire.clusterId)
  if (!clusterId) throw new FleetError('internal', 'read what the hub gave: it has no cluster id')
  const { validFromDate, validToDate } = new X509Certificate(wire.certificate)
  const nats = { natsUrls: wire.natsUrls, natsJwt: wire.natsJwt, natsSeed: wire.natsSeed.toString() }
  return { clusterId, certificate: wire.certificate, ca: hub.ca, notBefore: validFromDate, notAfter: validToDate, ...nats }
}

type StoredCredentials = Omit<Credentials, 'notBefore' | 'notAfter'> & { readonly notBefore: string; readonly notAfter: string }

function credentialsFrom(stored: StoredCredentials): Credentials {
  return { ...stored, notBefore: new Date(stored.notBefore), notAfter: new Date(stored.notAfter) }
}
