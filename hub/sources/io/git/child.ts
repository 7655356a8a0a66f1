import { messageOf } from '../../../../proto/base/errors.ts'
import { FetchFailure } from '../failure.ts'
import type { FetchJob, ToChild, ToParent } from './jobs.ts'
import { GitRepository } from './repository.ts'

// The program of a git process: one job at a time, given over IPC. It has no other input and dies with its parent.

/** Repositories whose objects stay in memory; the least recently used one goes first. */
const KEPT_REPOSITORIES = 8
const BATCH_BYTES = 4 << 20

const repositories = new Map<string, GitRepository>()
let current: GitRepository | undefined

process.on('message', (message: ToChild) => {
  if (message.kind === 'fetch') void fetchInto(message)
  else if (message.kind === 'blobs') void sendBlobs(message.id, message.digests)
  else current?.letGo()
})
process.on('disconnect', () => process.exit(0))
void send({ kind: 'ready' })

function send(message: ToParent): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  process.send?.(message, undefined, {}, () => resolve())
  return promise
}

async function fetchInto(job: FetchJob): Promise<void> {
  try {
    current = repositoryIn(job.folder)
    const looked = await current.look(job, AbortSignal.timeout(job.timeoutMs))
    await send(looked.kind === 'unchanged' ? { kind: 'unchanged', id: job.id } : { ...looked, id: job.id })
  } catch (error) {
    await fail(job.id, error)
  }
}

async function sendBlobs(id: number, digests: readonly string[]): Promise<void> {
  try {
    let blobs: { digest: string; bytes: Uint8Array }[] = []
    let bytes = 0
    for (const digest of digests) {
      const content = (await current?.content(digest)) ?? new Uint8Array()
      blobs.push({ digest, bytes: content })
      bytes += content.length
      if (bytes < BATCH_BYTES) continue
      await send({ kind: 'batch', id, blobs, last: false })
      blobs = []
      bytes = 0
    }
    await send({ kind: 'batch', id, blobs, last: true })
  } catch (error) {
    await fail(id, error)
  }
}

function fail(id: number, error: unknown): Promise<void> {
  if (error instanceof FetchFailure) {
    const { failure, message, retryAfterMs } = error
    return send({ kind: 'failed', id, failure, message, retryAfterMs })
  }
  if (error instanceof Error && error.name === 'TimeoutError')
    return send({ kind: 'failed', id, failure: 'timeout', message: 'no answer in time' })
  return send({ kind: 'failed', id, failure: 'protocol', message: messageOf(error) })
}

function repositoryIn(folder: string): GitRepository {
  const known = repositories.get(folder) ?? new GitRepository(folder)
  repositories.delete(folder)
  repositories.set(folder, known)
  const [oldest] = repositories.keys()
  if (repositories.size > KEPT_REPOSITORIES && oldest !== undefined) repositories.delete(oldest)
  return known
}
