import { FetchFailure } from '../failure.ts'

/** The chunks, until they are more than `limit` bytes. */
export async function* within(body: AsyncIterable<Uint8Array>, limit: number, url: string): AsyncIterableIterator<Uint8Array> {
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > limit) throw new FetchFailure('budget', `${url}: the server sends more than ${limit} bytes`)
    yield chunk
  }
}

/** All bytes of a body of no more than `limit`. */
export async function collect(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  limit: number,
  what = 'the list of refs',
): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > limit) throw new FetchFailure('budget', `${what} has more than ${limit} bytes`)
    parts.push(chunk)
  }
  return Buffer.concat(parts)
}

/** Headers with one value each. */
export function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]))
}
