import { readFile, rename, writeFile } from 'node:fs/promises'

/** What a person needs to be the hub's administrator: also a configuration of the flotilla program. */
export interface AdminFile {
  readonly server: string
  /** CA of the hub, PEM. */
  readonly ca: string
  readonly token: string
}

/**
 * Leaves the administrator's token in a file that only this account can read; later starts keep the address in it right.
 * @param token  the token made at the first start; undefined afterwards, then the file's own stays
 */
export async function writeAdminFile(path: string, file: Omit<AdminFile, 'token'> & { readonly token: string | undefined }): Promise<void> {
  const token = file.token ?? (await tokenIn(path))
  if (token === undefined) return
  await writeFile(`${path}.tmp`, `${JSON.stringify({ ...file, token }, null, 2)}\n`, { mode: 0o600 })
  await rename(`${path}.tmp`, path)
}

async function tokenIn(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as Partial<AdminFile>).token
}
