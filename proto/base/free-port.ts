import { once } from 'node:events'
import { createServer } from 'node:net'
import { FleetError } from './errors.ts'

/** A TCP port of 127.0.0.1 that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new FleetError('internal', 'find a free port: the system gave none')
  return address.port
}
