import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { enableCompileCache, flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { VERSION } from '../proto/model/version.ts'

/**
 * What the agent asks of V8: a young generation of 1 MiB a half instead of 16 (without it 30 MiB of an agent that does
 * little are young objects that nobody has looked at yet), and a garbage collector that weighs size above speed.
 */
const FLAGS = ['--max-semi-space-size=1', '--optimize-for-size', '--v8-pool-size=1']
const CACHE = 'FLOTILLA_AGENT_CODE'

/**
 * Makes this process the small one that an agent is to be, in the place of the one that was started: with V8's flags,
 * and with its code from a cache on disk, so that the compiler of types (20 MiB) is never loaded. The first start of a
 * version fills the cache. It is the same process throughout. Returns when there is nothing left to do.
 */
export async function settle(dataDir: string): Promise<void> {
  if (typeof process.execve !== 'function' || process.platform === 'win32') return
  const cache = process.env.NODE_COMPILE_CACHE ?? join(dataDir, 'code')
  const filled = join(cache, `filled-${VERSION}-${process.version}`)
  if (FLAGS.some((flag) => !process.execArgv.includes(flag))) return again(cache)
  if (existsSync(filled) || process.env[CACHE] === 'filled') return
  await mkdir(cache, { recursive: true, mode: 0o700 })
  enableCompileCache(cache)
  await import('./app.ts')
  flushCompileCache()
  await writeFile(filled, '')
  again(cache, { [CACHE]: 'filled' })
}

function again(cache: string, env: NodeJS.ProcessEnv = {}): never {
  const args = [...FLAGS, ...process.execArgv.filter((arg) => !FLAGS.includes(arg)), ...process.argv.slice(1)]
  // Node warns of execve as new; whoever reads the log cannot do anything about it.
  process.removeAllListeners('warning')
  process.execve?.(process.execPath, [process.execPath, ...args], { ...process.env, ...env, NODE_COMPILE_CACHE: cache, MALLOC_ARENA_MAX: '1' })
  throw new Error('the process went on after it was replaced')
}
