import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { messageOf } from '../../../../proto/base/errors.ts'
import { anyOf } from '../../../../proto/base/signals.ts'
import { type ChartVersion, readVersions } from '../../helm/index-file.ts'

export interface ReadVersions {
  readonly text: Uint8Array
  readonly name: string
}
export type VersionsRead = { readonly versions: readonly ChartVersion[] } | { readonly problem: string }

const PROGRAM = fileURLToPath(new URL('./index-worker.ts', import.meta.url))
/** Text up to this size is read at once: it takes less time than starting a worker. */
const SMALL_BYTES = 32 << 10
const MEMORY_MB = 1024
const DEADLINE_MS = 30_000

/** Reads the versions of one chart, off the main thread where that takes long; bounded in memory and time. */
export async function readVersionsOf(input: ReadVersions, signal: AbortSignal): Promise<VersionsRead> {
  if (input.text.length <= SMALL_BYTES) return readNow(input)
  const worker = new Worker(PROGRAM, {
    workerData: input,
    env: {},
    execArgv: ['--no-warnings'],
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  })
  const late = AbortSignal.timeout(DEADLINE_MS)
  try {
    const [answer] = await once(worker, 'message', { signal: anyOf(signal, late) })
    return answer as VersionsRead
  } catch (error) {
    signal.throwIfAborted()
    return { problem: late.aborted ? `it takes longer than ${DEADLINE_MS} ms to read` : `it cannot be read: ${messageOf(error)}` }
  } finally {
    await worker.terminate()
  }
}

function readNow({ name, text }: ReadVersions): VersionsRead {
  try {
    return { versions: readVersions(Buffer.from(text).toString(), name) }
  } catch (error) {
    return { problem: messageOf(error).split('\n', 1)[0] ?? '' }
  }
}
