import { isAbsolute, join } from 'node:path/posix'
import { FleetError } from '../proto/base/errors.ts'
import { Secret } from '../proto/base/secret.ts'
import { parseDurationMs } from '../proto/model/duration.ts'

export interface Listen {
  readonly host: string
  readonly port: number
}

/** How a hub runs; made once by `readConfig`, never changed. */
export interface HubConfig {
  /** Keys, embedded servers' data, git caches. */
  readonly dataDir: string
  readonly grpc: Listen
  readonly http: Listen
  /** Host names and addresses that agents and people use; in the servers' certificates beside `localhost`. */
  readonly advertise: readonly string[]
  /** Undefined starts Postgres as a child in `dataDir`. */
  readonly databaseUrl: Secret | undefined
  /** Undefined starts nats-server as a child in `dataDir`. */
  readonly natsUrl: string | undefined
  readonly natsListen: Listen
  /** 32 bytes in hex; undefined keeps a key of its own in `dataDir`. */
  readonly masterKey: Secret | undefined
  /** Host names, addresses and networks that sources may be fetched from although they are loopback, link-local or private. */
  readonly fetchAllow: readonly string[]
  readonly programs: { readonly natsServer: string; readonly kustomize: string }
  readonly fetchConcurrency: number
  readonly buildConcurrency: number
  readonly certificateLifeMs: number
  readonly logLevel: string
}

const LEVELS = ['debug', 'info', 'warn', 'error']

/** Reads the hub's configuration from the environment. @throws FleetError `invalid` that lists every problem at once */
export function readConfig(env: Readonly<Record<string, string | undefined>>): HubConfig {
  const problems: string[] = []
  const text = (name: string) => env[name]?.trim() || undefined
  const number = (name: string, fallback: number, min: number, max: number) => {
    const given = text(name)
    const value = given === undefined ? fallback : Number(given)
    if (Number.isInteger(value) && value >= min && value <= max) return value
    problems.push(`${name}=${given}: must be a whole number from ${min} to ${max}`)
    return fallback
  }
  const duration = (name: string, fallback: string, minMs: number) => {
    const given = text(name) ?? fallback
    const ms = parseDurationMs(given)
    if (ms !== undefined && ms >= minMs) return ms
    problems.push(`${name}=${given}: must be a duration such as 24h, not below ${minMs / 1000}s`)
    return minMs
  }
  const listen = (name: string, fallback: string): Listen => {
    const given = text(name) ?? fallback
    const [, host, port] = /^(.*):(\d{1,5})$/.exec(given) ?? []
    if (host !== undefined && Number(port) <= 65535) return { host: host || '0.0.0.0', port: Number(port) }
    problems.push(`${name}=${given}: must be host:port`)
    return { host: '127.0.0.1', port: 0 }
  }
  const url = (name: string, protocols: readonly string[]) => {
    const given = text(name)
    if (given !== undefined && !(URL.canParse(given) && protocols.includes(new URL(given).protocol)))
      problems.push(`${name}: must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`)
    return given
  }
  const list = (name: string) => (text(name) ?? '').split(',').flatMap((item) => item.trim() || [])
  const dataDir = text('FLOTILLA_DATA_DIR') ?? join(env.HOME ?? '/var/lib', '.local/share/flotilla')
  if (!isAbsolute(dataDir)) problems.push(`FLOTILLA_DATA_DIR=${dataDir}: must be an absolute path`)
  const masterKey = text('FLOTILLA_MASTER_KEY')
  if (masterKey !== undefined && !/^[0-9a-f]{64}$/.test(masterKey)) problems.push('FLOTILLA_MASTER_KEY: must be 32 bytes in lower-case hex')
  const logLevel = text('LOG_LEVEL') ?? 'info'
  if (!LEVELS.includes(logLevel)) problems.push(`LOG_LEVEL=${logLevel}: must be one of ${LEVELS.join(', ')}`)
  const databaseUrl = url('FLOTILLA_DATABASE_URL', ['postgres:', 'postgresql:'])
  const config: HubConfig = {
    dataDir,
    grpc: listen('FLOTILLA_GRPC_LISTEN', '0.0.0.0:8443'),
    http: listen('FLOTILLA_HTTP_LISTEN', '0.0.0.0:8080'),
    natsListen: listen('FLOTILLA_NATS_LISTEN', '0.0.0.0:4222'),
    advertise: list('FLOTILLA_ADVERTISE'),
    databaseUrl: databaseUrl === undefined ? undefined : new Secret(databaseUrl),
    natsUrl: url('FLOTILLA_NATS_URL', ['nats:', 'tls:']),
    masterKey: masterKey === undefined ? undefined : new Secret(masterKey),
    fetchAllow: list('FLOTILLA_FETCH_ALLOW'),
    programs: { natsServer: text('FLOTILLA_NATS_SERVER') ?? 'nats-server', kustomize: text('FLOTILLA_KUSTOMIZE') ?? 'flotilla-kustomize' },
    fetchConcurrency: number('FLOTILLA_FETCH_CONCURRENCY', 4, 1, 64),
    buildConcurrency: number('FLOTILLA_BUILD_CONCURRENCY', 2, 1, 64),
    certificateLifeMs: duration('FLOTILLA_CERTIFICATE_LIFE', '24h', 10_000),
    logLevel,
  }
  if (problems.length > 0) throw new FleetError('invalid', `hub configuration: ${problems.join('; ')}`)
  return Object.freeze(config)
}
