import { gzipSync } from 'node:zlib'
import { type Header, pack } from 'tar-stream'

export type TarEntry = Partial<Header> & { readonly name: string; readonly content?: string | Buffer }

/** A `.tar.gz` with exactly these entries, whatever they are. */
export async function tarGz(entries: readonly TarEntry[] | Readonly<Record<string, string>>): Promise<Buffer> {
  return gzipSync(await tar(Array.isArray(entries) ? entries : Object.entries(entries).map(([name, content]) => ({ name, content }))))
}

async function tar(entries: readonly TarEntry[]): Promise<Buffer> {
  const archive = pack()
  for (const { content, ...entry } of entries) {
    const header = { mtime: new Date(0), ...entry }
    if (header.type === undefined || header.type === 'file') archive.entry(header, Buffer.from(content ?? ''))
    else archive.entry(header)
  }
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** A chart as Helm packs one. */
export function chartArchive(name: string, version: string, files: Readonly<Record<string, string>> = {}): Promise<Buffer> {
  const own = { 'Chart.yaml': `apiVersion: v2\nname: ${name}\nversion: ${version}\n`, 'values.yaml': 'replicas: 1\n', ...files }
  return tarGz(Object.fromEntries(Object.entries(own).map(([path, text]) => [`${name}/${path}`, text])))
}
