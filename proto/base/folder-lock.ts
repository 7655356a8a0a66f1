import { createHash } from 'node:crypto'
import { mkdir, realpath, rm } from 'node:fs/promises'
import { createServer, connect as dial } from 'node:net'
import { join } from 'node:path'
import { systemClock } from './clock.ts'
import { FleetError } from './errors.ts'

/**
 * Takes a folder for this process alone, waiting until nobody else has it or the signal ends the wait.
 *
 * The lock is a listening socket, so that the kernel gives it back however the holder ended, kill -9 included.
 */
export async function lockFolder(folder: string, options: { readonly signal: AbortSignal }): Promise<AsyncDisposable> {
  await mkdir(folder, { recursive: true })
  const address = await addressOf(folder)
  for (;;) {
    options.signal.throwIfAborted()
    const lock = await tryListen(address)
    if (lock) return lock
    if (!address.startsWith('\0') && !(await answers(address))) await rm(address, { force: true })
    else await systemClock.sleep(50, options.signal)
  }
}

async function addressOf(folder: string): Promise<string> {
  const real = await realpath(folder)
  if (process.platform !== 'linux') return join(real, '.lock')
  return `\0flotilla-${createHash('sha256').update(real).digest('hex').slice(0, 32)}`
}

async function tryListen(address: string): Promise<AsyncDisposable | undefined> {
  const server = createServer((socket) => socket.destroy())
  const { promise, resolve, reject } = Promise.withResolvers<AsyncDisposable | undefined>()
  server.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE') resolve(undefined)
    else reject(new FleetError('internal', `lock the folder: ${error.message}`, { cause: error }))
  })
  server.listen(address, () => {
    server.unref()
    resolve({ [Symbol.asyncDispose]: () => new Promise((done) => server.close(() => done())) })
  })
  return promise
}

function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial(address)
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
