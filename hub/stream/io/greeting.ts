import type { Hello, Welcome } from '../../../proto/gen/fleet/v1/agent.ts'
import type { Cursor } from '../../../proto/model/facts.ts'
import type { Greeting } from '../model.ts'

/** What a welcome says beside where the facts begin. */
export interface WelcomeContent {
  readonly lineage: string
  readonly heartbeatMs: number
  readonly maxMessageBytes: number
  readonly hubKey: Uint8Array
  readonly clusterName: string
  readonly labels: Readonly<Record<string, string>>
}

const MAX_FACTS = 200

export function greetingFromWire(hello: Hello): Greeting {
  const facts = factsFromWire(hello.facts)
  const { agentVersion, boot, capabilities, cursor, heldDigest } = hello
  return { agentVersion: agentVersion.slice(0, 100), boot, facts, capabilities: capabilities.slice(0, MAX_FACTS), cursor, heldDigest }
}

export function factsFromWire(facts: Hello['facts']): Greeting['facts'] {
  return Object.fromEntries(Object.entries(facts?.values ?? {}).slice(0, MAX_FACTS))
}

export function welcomeToWire(
  input: { readonly epoch: bigint; readonly cursor: Cursor; readonly full: boolean } & WelcomeContent,
): Welcome {
  const { epoch, cursor, full, heartbeatMs, maxMessageBytes, clusterName, labels } = input
  return { epoch, cursor, full, heartbeatMs, maxMessageBytes, clusterName, labels: { ...labels }, hubKey: Buffer.from(input.hubKey) }
}
