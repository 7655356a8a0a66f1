import { createHash } from 'node:crypto'
import { stringify } from 'yaml'
import { openRawServer, type RawServer } from './raw-server.ts'
import { chartArchive } from './tar.ts'

/** A Helm repository over http: an index and the archives that it names. */
export interface HelmServer extends AsyncDisposable {
  readonly url: string
  readonly seen: RawServer['seen']
  /** From now on the repository has this chart too. @returns its archive */
  add(name: string, version: string, files?: Readonly<Record<string, string>>, entry?: Readonly<Record<string, unknown>>): Promise<Buffer>
  /** What the index is; undefined lets it be made of what was added. */
  index: Buffer | undefined
  /** What every request must show; undefined for nothing. */
  authorization: string | undefined
  validators: boolean
}

export async function openHelmServer(): Promise<HelmServer> {
  const archives = new Map<string, Buffer>()
  const entries: Record<string, Record<string, unknown>[]> = {}
  const indexNow = () =>
    server.index ?? Buffer.from(stringify({ apiVersion: 'v1', entries, generated: '2026-01-01T00:00:00Z' }, { indentSeq: false }))
  const raw = await openRawServer(({ request, response, url }) => {
    if (server.authorization !== undefined && request.headers.authorization !== server.authorization) return response.writeHead(401).end()
    const archive = archives.get(url)
    if (archive) return response.end(archive)
    if (!url.endsWith('/index.yaml')) return response.writeHead(404).end()
    const index = indexNow()
    const etag = `"${createHash('sha256').update(index).digest('hex')}"`
    const headers = server.validators ? { etag } : {}
    if (server.validators && request.headers['if-none-match'] === etag) return response.writeHead(304, headers).end()
    return response.writeHead(200, { ...headers, 'content-length': index.length }).end(index)
  })
  const server: HelmServer = {
    url: raw.url,
    seen: raw.seen,
    index: undefined,
    authorization: undefined,
    validators: true,
    async add(name, version, files = {}, entry = {}) {
      const archive = await chartArchive(name, version, files)
      archives.set(`/charts/${name}-${version}.tgz`, archive)
      const digest = createHash('sha256').update(archive).digest('hex')
      const listed = {
        apiVersion: 'v2',
        name,
        version,
        urls: [`charts/${name}-${version}.tgz`],
        digest,
        created: '2026-01-01T00:00:00Z',
        ...entry,
      }
      entries[name] = [...(entries[name] ?? []), listed]
      return archive
    },
    [Symbol.asyncDispose]: () => raw[Symbol.asyncDispose](),
  }
  return server
}
