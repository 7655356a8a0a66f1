import { randomInt } from 'node:crypto'
import { createServer, type Server } from 'node:net'
import { FleetError } from '../../../proto/base/errors.ts'

/** Below the range from which systems take ports of outgoing connections, so that none of those can be in the way later. */
const RANGE = { from: 20_000, to: 32_000 }

/** `count` different ports of 127.0.0.1 on which nobody listens now. They are held together while they are looked for. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const held = new Map<number, Server>()
  try {
    for (let attempt = 0; held.size < count; attempt++) {
      if (attempt > 50 * count)
        throw new FleetError('exhausted', `find ${count} free ports: 127.0.0.1 has none left between 20000 and 32000`)
      const port = randomInt(RANGE.from, RANGE.to)
      const server = held.has(port) ? undefined : await hold(port)
      if (server) held.set(port, server)
    }
    return [...held.keys()]
  } finally {
    await Promise.all([...held.values()].map(release))
  }
}

/** True when nobody listens on that port of 127.0.0.1. */
export async function isFree(port: number): Promise<boolean> {
  const server = await hold(port)
  if (server) await release(server)
  return server !== undefined
}

function hold(port: number): Promise<Server | undefined> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

function release(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}
