import { accountJwt, type NatsKeys, operatorJwt, systemJwt } from './claims.ts'

export interface ServerConfig {
  readonly host: string
  readonly port: number
  readonly folder: string
  readonly certFile: string
  readonly keyFile: string
  readonly pidFile: string
  readonly keys: NatsKeys
  readonly now: Date
}

/** Largest message that is taken; hub and agent check the same before they send. */
export const MAX_PAYLOAD_BYTES = 4 * 1024 * 1024

/**
 * The configuration of a nats-server that trusts this hub: operator mode, TLS, JetStream, and the resolver through which
 * the hub pushes its account (and with it revocations) to a running server. A server that somebody else runs takes the same.
 */
export function serverConfig(config: ServerConfig): string {
  const { keys, now } = config
  return `server_name: flotilla
host: ${quoted(config.host)}
port: ${config.port}
pid_file: ${quoted(config.pidFile)}
max_payload: ${MAX_PAYLOAD_BYTES}
write_deadline: "10s"
lame_duck_duration: "30s"
tls { cert_file: ${quoted(config.certFile)}, key_file: ${quoted(config.keyFile)}, timeout: 10 }
jetstream { store_dir: ${quoted(`${config.folder}/jetstream`)}, max_memory_store: 67108864, max_file_store: 17179869184, sync_interval: "2s" }
operator: ${operatorJwt(keys, now)}
system_account: ${keys.system.public}
resolver { type: full, dir: ${quoted(`${config.folder}/accounts`)}, allow_delete: false, interval: "2m" }
resolver_preload {
  ${keys.system.public}: ${systemJwt(keys, now)}
  ${keys.account.public}: ${accountJwt(keys, [], now)}
}
`
}

function quoted(text: string): string {
  return JSON.stringify(text)
}
