import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FleetError } from '../../../proto/base/errors.ts'

/** Writes a file that only this account may read, so that after a power cut it is the old one or the new one and nothing else. */
export async function writeSecretFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const fresh = `${path}.new`
  {
    await using file = await open(fresh, 'w', 0o600)
    await file.writeFile(text)
    await file.sync()
  }
  await rename(fresh, path)
  await using folder = await open(dirname(path), 'r')
  await folder.sync()
}

/** The text of the file, or undefined where there is none. */
export async function readSecretFile(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new FleetError('internal', `read ${path}: ${error.message}`, { cause: error })
  })
}
