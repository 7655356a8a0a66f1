import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'

export interface PackedFile {
  readonly path: string
  readonly bytes: Uint8Array
  readonly executable?: boolean
}

/** The files as a `.tar.gz`, in the order given, without times and owners: equal files give equal bytes. */
export async function packFiles(files: readonly PackedFile[]): Promise<Buffer> {
  const archive = pack()
  for (const { bytes, executable = false, path } of files)
    archive.entry(
      { name: path, mode: executable ? 0o755 : 0o644, mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '' },
      Buffer.from(bytes),
    )
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk as Buffer)
  return gzipSync(Buffer.concat(chunks), { level: 9 })
}
