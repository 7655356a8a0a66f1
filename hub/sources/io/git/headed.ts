import type { GitHttpRequest, GitHttpResponse, HttpClient } from 'isomorphic-git'

const LENGTH_DIGITS = 4

/**
 * The transport with a HEAD in its advertisement where the server names none: isomorphic-git does not fetch from a
 * repository whose HEAD points to a branch that nobody has pushed, although nothing asks for HEAD.
 */
export function headed(transport: HttpClient, ref: string): HttpClient {
  return {
    async request(asked: GitHttpRequest): Promise<GitHttpResponse> {
      const answer = await transport.request(asked)
      if (asked.method !== 'GET' || !answer.body) return answer
      const parts: Uint8Array[] = []
      for await (const part of answer.body) parts.push(part)
      return { ...answer, body: [withHead(Buffer.concat(parts), ref)] as unknown as AsyncIterableIterator<Uint8Array> }
    },
  }
}

/** Adds the capability `symref=HEAD:<ref>` to an advertisement of protocol version 0 that has neither it nor a HEAD. */
export function withHead(advertisement: Buffer, ref: string): Buffer {
  const end = advertisement.indexOf('\0')
  if (end < 0 || advertisement.includes(' HEAD\0') || advertisement.includes(' symref=HEAD:')) return advertisement
  const start = firstRefLine(advertisement)
  const length = Number.parseInt(advertisement.toString('latin1', start, start + LENGTH_DIGITS), 16)
  const line = advertisement.subarray(start + LENGTH_DIGITS, start + length)
  const changed = Buffer.concat([trimmed(line), Buffer.from(` symref=HEAD:${ref}\n`)])
  const head = Buffer.from((changed.length + LENGTH_DIGITS).toString(16).padStart(LENGTH_DIGITS, '0'))
  return Buffer.concat([advertisement.subarray(0, start), head, changed, advertisement.subarray(start + length)])
}

/** Over http the refs come after a service line and a flush. */
function firstRefLine(advertisement: Buffer): number {
  if (!advertisement.includes('# service=')) return 0
  return Number.parseInt(advertisement.toString('latin1', 0, LENGTH_DIGITS), 16) + LENGTH_DIGITS
}

function trimmed(line: Buffer): Buffer {
  return line.at(-1) === 0x0a ? line.subarray(0, -1) : line
}
