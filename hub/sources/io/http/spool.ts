import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { FetchFailure } from '../failure.ts'

/** A file that is gone after use. */
export interface Spooled extends AsyncDisposable {
  readonly path: string
  readonly size: number
  readonly sha256: string
}

export interface SpoolOptions {
  readonly folder: string
  /** Name of what is fetched, for people. */
  readonly what: string
  /** What its content must hash to. */
  readonly digest?: string | undefined
  readonly signal: AbortSignal
}

/** Writes chunks to a file of a folder, so that large content is not held in memory; refuses what is not what was announced. */
export async function spool(chunks: AsyncIterable<Uint8Array>, { digest, folder, signal, what }: SpoolOptions): Promise<Spooled> {
  const home = await mkdtemp(join(folder, 'spool-'))
  const remove = () => rm(home, { recursive: true, force: true })
  try {
    const path = join(home, 'content')
    const hash = createHash('sha256')
    let size = 0
    const counted = async function* () {
      for await (const chunk of chunks) {
        hash.update(chunk)
        size += chunk.length
        yield chunk
      }
    }
    await pipeline(Readable.from(counted()), createWriteStream(path), { signal })
    const sha256 = `sha256:${hash.digest('hex')}`
    if (digest !== undefined && digest !== sha256)
      throw new FetchFailure('protocol', `${what}: its content has the digest ${sha256}, ${digest} was announced`)
    return { path, size, sha256, [Symbol.asyncDispose]: remove }
  } catch (error) {
    await remove()
    throw error
  }
}
