import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../tools/run.mjs'

/**
 * True when node_modules is not what package-lock.json says. npm writes its own record last, so an interrupted install is due again.
 *
 * @param {string} root
 */
export function isInstallDue(root) {
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'))
  const wanted = packagesOf(join(root, 'package-lock.json'))
  if (!installed || !wanted) return true
  return Object.entries(wanted).some(([path, { version, optional, peer }]) => {
    const there = installed[path]
    if (there) return there.version !== version
    return path !== '' && !optional && !peer
  })
}

/**
 * Installs what package-lock.json says, and leaves that file alone.
 *
 * A registry that lacks optional packages of other platforms makes a lock file without them, which `npm ci` then calls out
 * of sync. `npm install --no-save` installs the locked versions all the same.
 *
 * @param {string} root
 */
export async function installPackages(root) {
  const first = await npm(root, ['ci'])
  const { code, end } = first.code !== 0 && first.end.includes('EUSAGE') ? await npm(root, ['install', '--no-save']) : first
  if (code !== 0) throw new Error(`Installing the npm packages of ${root} failed:\n${end}`)
}

/** @param {string} root @param {readonly string[]} args */
function npm(root, args) {
  const script = process.env.npm_execpath
  const [file, ...first] = script && existsSync(script) ? [process.execPath, script] : ['npm']
  return run(file ?? 'npm', [...first, ...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root })
}

/**
 * @typedef {{ version?: string, optional?: boolean, peer?: boolean }} Entry
 * @param {string} file
 * @returns {Record<string, Entry> | undefined}
 */
function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
  } catch {
    return undefined
  }
}
