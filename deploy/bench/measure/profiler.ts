import { writeFileSync } from 'node:fs'
import { FleetError } from '../../../proto/base/errors.ts'

/** A CPU profiler attached to a Node process that was started with `--inspect`. */
export interface Profiler extends AsyncDisposable {
  start(): Promise<void>
  /** Ends the profile and writes it as a `.cpuprofile`. */
  stop(file: string): Promise<void>
}

export async function attachProfiler(port: number, signal: AbortSignal): Promise<Profiler> {
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json`, { signal })).json()) as { webSocketDebuggerUrl: string }[]
  const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? '')
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  socket.addEventListener('message', ({ data }: MessageEvent) => {
    const { id, result, error } = JSON.parse(String(data)) as { id?: number; result?: unknown; error?: { message: string } }
    const asked = id === undefined ? undefined : waiting.get(id)
    if (error) asked?.reject(new FleetError('internal', `profile: ${error.message}`))
    else asked?.resolve(result)
  })
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true })
    socket.addEventListener('error', () => reject(new FleetError('unavailable', `profile: nobody answers on port ${port}`)), { once: true })
  })
  const send = (method: string, params: object = {}) => {
    const id = waiting.size + 1
    const asked = Promise.withResolvers<unknown>()
    waiting.set(id, asked)
    socket.send(JSON.stringify({ id, method, params }))
    return asked.promise
  }
  await send('Profiler.enable')
  await send('Profiler.setSamplingInterval', { interval: 500 })
  return {
    async start() {
      await send('Profiler.start')
    },
    async stop(file) {
      const { profile } = (await send('Profiler.stop')) as { profile: unknown }
      writeFileSync(file, JSON.stringify(profile))
    },
    async [Symbol.asyncDispose]() {
      socket.close()
    },
  }
}
