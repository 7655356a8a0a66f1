import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The first Node that runs TypeScript as it is, with everything that the packages need. */
const LEAST = 24

/**
 * The Node to run Flotilla with: the one that npm installed for this platform, else this one where it is new enough.
 * Throws a sentence where there is none.
 *
 * @param {string} root
 */
export function nodeProgram(root) {
  const pinned = join(root, 'node_modules', `node-${platform()}-${process.arch}`, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  if (existsSync(pinned)) return pinned
  if (Number(process.versions.node.split('.', 1)[0]) >= LEAST) return process.execPath
  throw new Error(
    `Flotilla runs on Node ${LEAST} or newer, this is ${process.version} and npm has not installed the pinned one: run \`node deploy/setup.mjs\`, or put Node ${LEAST} first on PATH.`,
  )
}

function platform() {
  return process.platform === 'win32' ? 'win' : process.platform
}
