import { Agent, request } from 'undici'

export interface Answer {
  readonly status: number
  readonly text: string
}

export interface Admin extends AsyncDisposable {
  request(method: string, path: string, options: { readonly signal: AbortSignal; readonly body?: unknown }): Promise<Answer>
}

/** Requests to one API server as its administrator, over a few connections that are kept. */
export function openAdmin(server: string, ca: string, token: string): Admin {
  const dispatcher = new Agent({ connect: { ca }, connections: 4 })
  return {
    async request(
      method: string,
      path: string,
      { body, signal }: { readonly signal: AbortSignal; readonly body?: unknown },
    ): Promise<Answer> {
      const response = await request(`${server}${path}`, {
        method,
        dispatcher,
        signal,
        headers: { authorization: `Bearer ${token}`, 'content-type': contentType(method), accept: 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return { status: response.statusCode, text: await response.body.text() }
    },
    [Symbol.asyncDispose]: () => dispatcher.destroy(),
  }
}

function contentType(method: string): string {
  return method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
}
