import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path'
import { buildTool, missingGo, overrideOf } from './build.mjs'
import { underLock } from './lock.mjs'
import { showing } from './progress.mjs'
import { cacheKey, toolNamed } from './table.mjs'

// The types of this file's exports are in tools.d.mts.

export function cacheDir(env = process.env) {
  if (env.FLOTILLA_CACHE) return resolve(env.FLOTILLA_CACHE)
  const base = env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : join(env.HOME || homedir(), '.cache')
  return join(base, 'flotilla')
}

export function findTool(name, env = process.env) {
  const override = env[overrideOf(name)]
  if (override) {
    if (isProgram(override)) return resolve(override)
    throw new Error(`${overrideOf(name)} names ${override}, which is not a program that can be run: correct it, or unset it.`)
  }
  const cached = join(folderOf(name, env), name)
  return onPath(name, env) ?? (existsSync(cached) ? cached : undefined)
}

export function toolPath(name, env = process.env) {
  const path = findTool(name, env)
  if (path) return path
  throw new Error(
    `${name} ${toolNamed(name).version} is not there yet: run \`node deploy/setup.mjs\` in the checkout to build it, or name a ready program in ${overrideOf(name)}.`,
  )
}

export function kubectlCommand(env = process.env) {
  return [toolPath('kubernetes', env), 'kubectl']
}

export function kubectlProgram(env = process.env) {
  const script = join(dirname(toolPath('kubernetes', env)), 'kubectl')
  return existsSync(script) ? script : undefined
}

export async function ensureTools(names, env = process.env) {
  const due = names.filter((name) => !findTool(name, env))
  for (const name of due) {
    const why = missingGo(name, env)
    if (why) throw new Error(why)
  }
  for (const name of due) await ensureTool(name, env)
  return Object.fromEntries(names.map((name) => [name, toolPath(name, env)]))
}

async function ensureTool(name, env) {
  const folder = folderOf(name, env)
  const { version, takes } = toolNamed(name)
  await showing(`${name} ${version}: built once for all checkouts, ${takes}`, (say) =>
    underLock(`${folder}.lock`, {
      waiting: (pid) => say(`another run (process ${pid}) is building it`),
      work: async () => {
        if (!existsSync(join(folder, name))) await buildTool(name, folder, { env, say })
      },
    }),
  )
}

function folderOf(name, env) {
  return join(cacheDir(env), 'tools', cacheKey(name))
}

function onPath(name, env) {
  const { onPath: fits } = toolNamed(name)
  if (!fits) return undefined
  const path = (env.PATH ?? '')
    .split(delimiter)
    .flatMap((dir) => (isAbsolute(dir) ? [join(dir, name)] : []))
    .find(isProgram)
  if (!path) return undefined
  const answer = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 5_000 })
  return answer.status === 0 && fits.test(answer.stdout + answer.stderr) ? path : undefined
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
