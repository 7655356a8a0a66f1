import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface RawExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: string
}

/** An http server that does what the test says, misbehaviour included. */
export interface RawServer extends AsyncDisposable {
  readonly url: string
  /** What it was asked, oldest first. */
  readonly seen: readonly { readonly method: string; readonly url: string; readonly headers: IncomingHttpHeaders }[]
}

export async function openRawServer(answer: (exchange: RawExchange) => unknown): Promise<RawServer> {
  const seen: RawServer['seen'][number][] = []
  const server = createServer((request, response) => {
    const { headers, method = '', url = '' } = request
    seen.push({ method, url, headers })
    response.on('error', () => undefined)
    answer({ request, response, url })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
