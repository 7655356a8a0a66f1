import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { parse, stringify } from 'yaml'
import { z } from 'zod'
import { FleetError } from '../../../proto/base/errors.ts'

const schema = z.object({ server: z.url(), ca: z.string().default(''), token: z.string().min(1) })

/** How to reach the hub, and as whom. `ca` is PEM; empty trusts what this machine trusts. */
export type CliConfig = z.infer<typeof schema>

type Env = Readonly<Record<string, string | undefined>>

/** The file named by FLOTILLA_CONFIG, else `flotilla/config.yaml` in the user's configuration folder. */
export function configPath(env: Env): string {
  if (env.FLOTILLA_CONFIG) return env.FLOTILLA_CONFIG
  return join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'flotilla', 'config.yaml')
}

export async function readConfig(env: Env): Promise<CliConfig> {
  const path = configPath(env)
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new FleetError(
      'unauthenticated',
      `no hub is known: ${path} cannot be read; run flotilla login, or name another file in FLOTILLA_CONFIG`,
      { cause },
    )
  })
  const parsed = schema.safeParse(parse(text))
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(({ message, path: at }) => `${at.join('.')}: ${message}`)
  throw new FleetError('invalid', `${path}: ${problems.join('; ')}; run flotilla login to write it anew`)
}

/** Writes the file readable by its owner only. @returns its path */
export async function writeConfig(env: Env, config: CliConfig): Promise<string> {
  const path = configPath(env)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(`${path}.tmp`, stringify(config), { mode: 0o600 })
  await rename(`${path}.tmp`, path)
  return path
}
