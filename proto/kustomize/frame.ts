import { FleetError } from '../base/errors.ts'

/** Why the program has no result, in its own words. */
export interface ProgramProblem {
  readonly cause: 'path' | 'remote' | 'build' | 'budget'
  readonly message: string
  readonly file?: string
  readonly line?: number
}

/** The JSON part of a frame; `deploy/tools/kustomize/frame.go` has the protocol. */
export interface FrameHead {
  readonly kind: 'build' | 'answer' | 'look' | 'list' | 'built' | 'problem'
  readonly path?: string
  readonly found?: 'file' | 'directory' | 'missing'
  readonly names?: readonly string[]
  readonly problem?: ProgramProblem
}

export interface Frame {
  readonly head: FrameHead
  readonly body: Uint8Array
}

const SIZES_BYTES = 8
const EMPTY = new Uint8Array()

export function encodeFrame(head: FrameHead, body: Uint8Array = EMPTY): Uint8Array {
  const text = Buffer.from(JSON.stringify(head))
  const sizes = Buffer.alloc(SIZES_BYTES)
  sizes.writeUInt32BE(text.length, 0)
  sizes.writeUInt32BE(body.length, 4)
  return Buffer.concat([sizes, text, body])
}

/** Cuts a stream of bytes into frames; one longer than `maxBytes` is an error. */
export class FrameReader {
  readonly #maxBytes: number
  #chunks: Buffer[] = []
  #size = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The frames that `chunk` completes. */
  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    const frames: Frame[] = []
    for (let frame = this.#next(); frame; frame = this.#next()) frames.push(frame)
    return frames
  }

  #next(): Frame | undefined {
    if (this.#size < SIZES_BYTES) return undefined
    const first = this.#chunks[0]
    const start = first && first.length >= SIZES_BYTES ? first : this.#join()
    const headBytes = start.readUInt32BE(0)
    const bodyBytes = start.readUInt32BE(4)
    const total = SIZES_BYTES + headBytes + bodyBytes
    if (total > this.#maxBytes)
      throw new FleetError('too-large', `read from kustomize: a frame of ${total} bytes, ${this.#maxBytes} are allowed`)
    if (this.#size < total) return undefined
    const all = this.#join()
    this.#chunks = all.length > total ? [all.subarray(total)] : []
    this.#size -= total
    const head = JSON.parse(all.toString('utf8', SIZES_BYTES, SIZES_BYTES + headBytes)) as FrameHead
    return { head, body: all.subarray(SIZES_BYTES + headBytes, total) }
  }

  #join(): Buffer {
    const all = this.#chunks.length === 1 && this.#chunks[0] ? this.#chunks[0] : Buffer.concat(this.#chunks)
    this.#chunks = [all]
    return all
  }
}
