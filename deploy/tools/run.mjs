import { spawn } from 'node:child_process'

/** Of what a program says, the beginning (npm) or the end (compilers) is enough to see why it failed. */
const KEPT_LINES = { first: 12, last: 20 }

/**
 * Runs a program to its end.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, line?: (text: string) => void }} [options]  `line` hears each line it writes
 * @returns {Promise<{ code: number | null, end: string }>} exit code (null: ended by a signal) and the first and last lines of output
 */
export function run(file, args, { cwd, env, line } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    /** @type {string[]} */
    const kept = []
    let rest = ''
    /** @param {string} chunk */
    const take = (chunk) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const each of lines) line?.(each)
      kept.push(...lines)
      kept.splice(KEPT_LINES.first, kept.length - KEPT_LINES.first - KEPT_LINES.last)
    }
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', take)
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, end: [...kept, rest].join('\n').trim() }))
  })
}
