import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { enableCompileCache, flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { FleetError, messageOf } from '../proto/base/errors.ts'
import { VERSION } from '../proto/model/version.ts'
import { readConfig } from './config.ts'

/**
 * What the agent asks of V8: a young generation of 1 MiB a half instead of 16 (without it 30 MiB of an agent that does
 * little are young objects that nobody has looked at yet), a garbage collector that weighs size above speed, and one
 * helper thread.
 */
const FLAGS = ['--max-semi-space-size=1', '--optimize-for-size', '--v8-pool-size=1']
/** What it asks of glibc: one arena for all threads, and freed memory back to the system soon. Measured: 5 MiB at rest, 10 after a first sync of 100. */
const MALLOC = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' }
const CACHE = 'FLOTILLA_AGENT_CODE'

const stop = Promise.withResolvers<void>()
let asked = false
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    // Whoever asks twice does not want to wait.
    if (asked) process.exit(1)
    asked = true
    stop.resolve()
  })

try {
  const config = readConfig(process.env)
  await settle(config.dataDir)
  const { openAgent } = await import('./app.ts')
  await using _agent = await openAgent(config)
  await stop.promise
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exitCode = error instanceof FleetError && error.code === 'invalid' ? 2 : 1
}

/**
 * Makes this process the small one that an agent is to be, in the place of the one that was started: with V8's flags,
 * and with its code from a cache on disk, so that the compiler of types (20 MiB) is never loaded. The first start of a
 * version fills the cache. It is the same process throughout. Returns when there is nothing left to do.
 */
async function settle(dataDir: string): Promise<void> {
  if (typeof process.execve !== 'function' || process.platform === 'win32') return
  const cache = process.env.NODE_COMPILE_CACHE ?? join(dataDir, 'code')
  const filled = join(cache, `filled-${VERSION}-${process.version}`)
  if (FLAGS.some((flag) => !process.execArgv.includes(flag))) return again(cache)
  if (existsSync(filled) || process.env[CACHE] === 'filled') return
  try {
    await mkdir(cache, { recursive: true, mode: 0o700 })
    enableCompileCache(cache)
    await import('./app.ts')
    flushCompileCache()
    await writeFile(filled, '')
  } catch {
    // A folder that cannot be written to costs memory; why it cannot is told by what the agent has to write there.
    return
  }
  again(cache, { [CACHE]: 'filled' })
}

function again(cache: string, env: NodeJS.ProcessEnv = {}): never {
  const args = [...FLAGS, ...process.execArgv.filter((arg) => !FLAGS.includes(arg)), ...process.argv.slice(1)]
  // Node warns of execve as new; whoever reads the log cannot do anything about it.
  process.removeAllListeners('warning')
  process.execve?.(process.execPath, [process.execPath, ...args], { ...process.env, ...env, NODE_COMPILE_CACHE: cache, ...MALLOC })
  throw new Error('the process went on after it was replaced')
}
