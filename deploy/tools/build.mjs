import { spawnSync } from 'node:child_process'
import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isRunning } from './lock.mjs'
import { run } from './run.mjs'
import { toolNamed } from './table.mjs'

const GO = { major: 1, minor: 26 }

/**
 * Why tools cannot be built here, as one sentence, or undefined where they can.
 *
 * @param {string} name  the tool that is to be built
 * @param {NodeJS.ProcessEnv} env
 */
export function missingGo(name, env) {
  const wanted = `Go ${GO.major}.${GO.minor} or newer is needed to build ${name} ${toolNamed(name).version}`
  const remedy = `install it from https://go.dev/dl (or your package manager) and run the command again, or name a ready program in ${overrideOf(name)}.`
  const answer = spawnSync('go', ['version'], { env, encoding: 'utf8' })
  if (answer.error || answer.status !== 0) return `${wanted}, but there is no working \`go\` on PATH: ${remedy}`
  const [, major = '0', minor = '0'] = /go(\d+)\.(\d+)/.exec(answer.stdout) ?? []
  const fits = Number(major) > GO.major || (Number(major) === GO.major && Number(minor) >= GO.minor)
  return fits ? undefined : `${wanted}, but \`go\` on PATH is ${major}.${minor}: ${remedy}`
}

/**
 * Environment variable that names a ready program to use instead of one of the cache.
 *
 * @param {string} name
 */
export function overrideOf(name) {
  return `FLOTILLA_TOOL_${name.toUpperCase().replaceAll('-', '_')}`
}

/**
 * Builds a tool into its folder in the cache. The folder appears complete or not at all: an interrupted build leaves only a
 * temporary folder, which the next build removes.
 *
 * @param {string} name
 * @param {string} folder  where it will be: `<cache>/tools/<key>`
 * @param {{ env: NodeJS.ProcessEnv, say: (detail: string) => void }} options
 */
export async function buildTool(name, folder, { env, say }) {
  const around = dirname(folder)
  removeLeftovers(around)
  const temporary = join(around, `.build-${process.pid}-${basename(folder)}`)
  rmSync(temporary, { recursive: true, force: true })
  mkdirSync(temporary, { recursive: true })
  try {
    await compile(name, temporary, { env, say })
    const program = join(temporary, name)
    chmodSync(program, 0o755)
    sync(program)
    for (const face of toolNamed(name).faces ?? []) writeFace(temporary, name, face)
    rmSync(folder, { recursive: true, force: true })
    renameSync(temporary, folder)
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

/** @param {string} name @param {string} into @param {{ env: NodeJS.ProcessEnv, say: (detail: string) => void }} options */
async function compile(name, into, { env, say }) {
  const { package: source, folder, version, stamps = [] } = toolNamed(name)
  const flags = ['-v', '-buildvcs=false', '-trimpath', '-ldflags', ['-s -w', ...stamps.map((stamp) => `-X ${stamp}`)].join(' ')]
  const args = folder ? ['build', ...flags, '-o', join(into, name), '.'] : ['install', ...flags, `${source}@v${version}`]
  let compiled = 0
  const { code, end } = await run('go', args, {
    cwd: folder ?? into,
    env: { ...env, CGO_ENABLED: '0', GOBIN: into, GOWORK: 'off' },
    line: (text) => {
      if (text.startsWith('go: downloading')) say('downloading')
      else if (/^\S+$/.test(text)) say(`${++compiled} packages compiled`)
    },
  })
  if (code !== 0 || !existsSync(join(into, name))) {
    const why = end.split('\n').filter((line) => !/^\S+$/.test(line) && !line.startsWith('go: downloading'))
    throw new Error(
      `Building ${name} ${version} with \`go ${args[0]}\` failed${code === null ? ' (it was ended)' : ''}:\n${why.join('\n')}`,
    )
  }
}

/** A script of the face's name beside the program, for shells. @param {string} folder @param {string} program @param {string} face */
function writeFace(folder, program, face) {
  writeFileSync(join(folder, face), `#!/bin/sh\nexec "$(dirname "$0")/${program}" ${face} "$@"\n`, { mode: 0o755 })
}

/** @param {string} file */
function sync(file) {
  const descriptor = openSync(file, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}

/** @param {string} around */
function removeLeftovers(around) {
  for (const entry of existsSync(around) ? readdirSync(around) : []) {
    const builder = /^\.build-(\d+)-/.exec(entry)?.[1]
    if (builder && !isRunning(Number(builder))) rmSync(join(around, entry), { recursive: true, force: true })
  }
}
