import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'

/** A forward proxy on a free port of this machine: tunnels for CONNECT, plain requests for everything else. */
export interface ForwardProxy extends AsyncDisposable {
  readonly url: string
  /** What it was asked and let through, oldest first, as `METHOD target`. */
  readonly passed: readonly string[]
}

export interface ForwardProxyOptions {
  /** Whom it lets through; everybody where absent. */
  readonly login?: { readonly username: string; readonly password: string }
  /** With it, what is said to the proxy is encrypted. */
  readonly tls?: { readonly key: string; readonly cert: string }
}

/** Headers that are between a client and its proxy. */
const HOP = ['proxy-authorization', 'proxy-connection']

export async function openForwardProxy({ login, tls }: ForwardProxyOptions = {}): Promise<ForwardProxy> {
  const passed: string[] = []
  const sockets = new Set<Socket>()
  const wanted = login && `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`
  const isKnown = ({ headers }: IncomingMessage) => wanted === undefined || headers['proxy-authorization'] === wanted
  const serve = (asked: IncomingMessage, answer: ServerResponse) => {
    if (!isKnown(asked)) {
      answer.writeHead(407, { 'proxy-authenticate': 'Basic realm="proxy"' }).end('who are you? '.repeat(1000))
      return
    }
    passed.push(`${asked.method} ${asked.url}`)
    const headers = Object.fromEntries(Object.entries(asked.headers).filter(([name]) => !HOP.includes(name)))
    forward(asked, answer, headers)
  }
  const server = tls ? createSecureServer(tls, serve) : createServer(serve)
  server.on('connection', (socket) => keep(sockets, socket))
  server.on('connect', (asked: IncomingMessage, near: Socket) => {
    near.on('error', () => undefined)
    if (!isKnown(asked)) {
      near.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="proxy"\r\n\r\n')
      return
    }
    passed.push(`CONNECT ${asked.url}`)
    const { hostname, port } = new URL(`http://${asked.url}`)
    const far = connect({ host: hostname, port: Number(port) }, () => {
      near.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      far.pipe(near).pipe(far)
    })
    keep(sockets, far)
    far.on('error', () => near.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function forward(asked: IncomingMessage, answer: ServerResponse, headers: IncomingMessage['headers']): void {
  const onward = request(asked.url ?? '', { method: asked.method ?? 'GET', headers }, (found) => {
    answer.writeHead(found.statusCode ?? 502, found.headers)
    found.pipe(answer)
  })
  onward.on('error', () => answer.writeHead(502).end())
  asked.pipe(onward)
}

function keep(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket)
  socket.on('error', () => undefined)
  socket.once('close', () => sockets.delete(socket))
}
