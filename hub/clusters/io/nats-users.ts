import type { Bus } from '../../bus/bus.ts'
import { agentKey, agentUser, type NatsKeys } from '../../bus/claims.ts'
import type { NatsUsers } from '../ports.ts'

/** Hands out NATS users and takes them back. `urls` are the addresses that agents use. */
export function natsUsers(options: { readonly keys: NatsKeys; readonly bus: Bus; readonly urls: readonly string[] }): NatsUsers {
  return {
    urls: options.urls,
    issue: (input) => agentUser(options.keys, input),
    userOf: (serial) => agentKey(options.keys, serial).public,
    revoke: (revoked) => options.bus.revoke(revoked),
  }
}
