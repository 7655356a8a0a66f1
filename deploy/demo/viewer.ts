import { createInterface } from 'node:readline'

/** Who watches the demo. */
export interface Viewer {
  /** True where somebody can be asked: a person at a terminal. */
  readonly isThere: boolean
  /** Waits until Enter is typed. Ends without it when the signal does, or when nobody can type any more. */
  enter(signal: AbortSignal): Promise<void>
}

/** Somebody at that terminal; nobody where it is none. */
export function openViewer(stdin: NodeJS.ReadStream | undefined): Viewer {
  if (!stdin?.isTTY) return { isThere: false, enter: async () => undefined }
  return {
    isThere: true,
    async enter(signal) {
      if (signal.aborted) return
      // With `terminal`, readline would take Ctrl-C for itself.
      const lines = createInterface({ input: stdin, terminal: false })
      const { promise, resolve } = Promise.withResolvers<void>()
      const done = () => resolve()
      lines.once('line', done).once('close', done)
      signal.addEventListener('abort', done, { once: true })
      try {
        await promise
      } finally {
        signal.removeEventListener('abort', done)
        lines.close()
      }
    },
  }
}
