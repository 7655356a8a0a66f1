import type { Socket } from 'node:net'
import { Agent, buildConnector } from 'undici'
import { portOf } from '../../model.ts'
import { checkedLookup, checkHost } from '../checked-lookup.ts'
import { FetchFailure } from '../failure.ts'
import type { OpenProxy } from '../open-credential.ts'
import { BY_SIGNAL, type Connections, connectMs, type TransportOptions, trust } from './transport.ts'

const REFUSED = 407

/**
 * Connections through a proxy: what is https goes through a tunnel that the proxy cannot look into, what is http is
 * asked of the proxy. It is the proxy that is connected to, so it has to be allowed itself, and resolves all other names.
 */
export function openProxied({ address, login }: OpenProxy, options: TransportOptions): Connections {
  const proxy = new URL(address)
  const shown = login && { 'proxy-authorization': `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}` }
  const near = new Agent({ connect: connectorTo(proxy, options), ...BY_SIGNAL })
  const secure = buildConnector({ timeout: connectMs(options), allowH2: false, ...trust(options) })
  const connect: buildConnector.connector = (target, done) => {
    const host = `${target.host}${target.port === '' ? ':443' : ''}`
    openTunnel(near, { proxy, host, headers: { host, ...shown }, signal: AbortSignal.timeout(options.timeoutMs) }).then(
      (httpSocket) => secure({ ...target, httpSocket }, done),
      (error: Error) => done(error, null),
    )
  }
  const far = new Agent({ connect, ...BY_SIGNAL })
  return {
    async send(to, sent) {
      checkHost(proxy.hostname, portOf(proxy), options.policy)
      if (to.protocol === 'https:') return far.request({ ...sent, origin: to.origin, path: `${to.pathname}${to.search}` })
      const headers = { ...sent.headers, host: to.host, ...shown }
      const answer = await near.request({ ...sent, origin: proxy.origin, path: to.href, headers }).catch((error: Error) => {
        throw sent.signal.aborted ? error : unreached(proxy, error)
      })
      if (answer.statusCode !== REFUSED) return answer
      await answer.body.dump()
      throw refusal(proxy, REFUSED, to.host)
    },
    async destroy() {
      await Promise.all([far.destroy(), near.destroy()])
    },
  }
}

/** Connects to the proxy itself, whatever host a request is for. */
function connectorTo(proxy: URL, options: TransportOptions): buildConnector.connector {
  const { policy, ca } = options
  const connector = buildConnector({
    lookup: checkedLookup(policy),
    timeout: connectMs(options),
    allowH2: false,
    ...(ca ? { ca } : {}),
  } as buildConnector.BuildOptions)
  return ({ servername: _, ...target }, done) =>
    connector(target, (error, socket) => (error ? done(unreached(proxy, error), null) : done(null, socket)))
}

interface Tunnel {
  readonly proxy: URL
  /** Host and port that it leads to. */
  readonly host: string
  readonly headers: Readonly<Record<string, string>>
  /** Who waits for a connection cannot be told to stop before it is there. */
  readonly signal: AbortSignal
}

async function openTunnel(near: Agent, { headers, host, proxy, signal }: Tunnel): Promise<Socket> {
  const answer = await near.connect({ origin: proxy.origin, path: host, headers, signal }).catch((error: Error) => {
    throw signal.aborted ? new FetchFailure('timeout', `the proxy ${proxy.origin} gives no answer in time`) : unreached(proxy, error)
  })
  const socket = answer.socket as Socket
  if (answer.statusCode === 200) return socket
  socket.on('error', () => undefined).destroy()
  throw refusal(proxy, answer.statusCode, host)
}

function refusal({ origin }: URL, status: number, host: string): FetchFailure {
  if (status === REFUSED)
    return new FetchFailure('network', `the proxy ${origin} refuses access (HTTP ${REFUSED}); check username and password of its secret`)
  return new FetchFailure('network', `the proxy ${origin} does not connect to ${host} (HTTP ${status})`)
}

/** Also what the hub does not connect to is named: that is no fault of the proxy. */
function unreached({ origin }: URL, error: Error): FetchFailure {
  if (error instanceof FetchFailure) return error
  return new FetchFailure('network', `the proxy ${origin} cannot be reached: ${error.message || error.name}`, { cause: error })
}
