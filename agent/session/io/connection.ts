import type { ClientDuplexStream } from '@grpc/grpc-js'
import { messageOf } from '../../../proto/base/errors.ts'
import type { AgentServiceClient, Hello, SessionRequest, SessionResponse } from '../../../proto/gen/fleet/v1/agent.ts'

type Down = NonNullable<SessionResponse['message']>
type Up = NonNullable<SessionRequest['message']>

/** One connection's stream: hands on what comes, and says once when it is over. */
export interface Connection {
  /** Other calls go over the same connection: a handshake costs the hub more than they do. */
  readonly client: AgentServiceClient
  send(message: Up): void
  close(): void
}

export function openConnection(
  client: AgentServiceClient,
  hello: Hello,
  on: { readonly message: (message: Down) => void; readonly over: (reason: string) => void },
): Connection {
  const stream: ClientDuplexStream<SessionRequest, SessionResponse> = client.session()
  let open = true
  const over = (reason: string) => {
    if (!open) return
    open = false
    on.over(reason)
    client.close()
  }
  stream.on('data', ({ message }: SessionResponse) => open && message && on.message(message))
  stream.on('error', (error) => over(messageOf(error)))
  stream.on('end', () => over('the hub ended the session'))
  stream.write({ message: { $case: 'hello', value: hello } })
  return {
    client,
    send: (message) => {
      if (open && stream.writable) stream.write({ message })
    },
    close() {
      if (!open) return
      open = false
      stream.end()
      stream.cancel()
      client.close()
    },
  }
}
