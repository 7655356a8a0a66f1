import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generateClient, isClientDue } from './setup/client.mjs'
import { installPackages, isInstallDue } from './setup/packages.mjs'
import { underLock } from './tools/lock.mjs'
import { showing } from './tools/progress.mjs'
import { TOOLS } from './tools/table.mjs'
import { ensureTools } from './tools/tools.mjs'

/**
 * Makes a checkout ready: npm packages, database client, pinned programs. What is done already is left alone.
 *
 * Usage: `node deploy/setup.mjs [--no-tools | TOOL…]`; without names, all tools. Runs on Node 20 without any package.
 * Exit code 1 and one sentence when something is missing that it cannot make.
 */
async function main() {
  const root = dirname(dirname(fileURLToPath(import.meta.url)))
  const args = process.argv.slice(2)
  checkMachine()
  await prepareCheckout(root)
  if (args.includes('--no-tools')) return
  const names = args.filter((arg) => !arg.startsWith('-'))
  await ensureTools(names.length > 0 ? names : Object.keys(TOOLS))
}

function checkMachine() {
  const major = Number(process.versions.node.split('.', 1)[0])
  if (major < 20) throw new Error(`Node 20 or newer is needed, this is ${process.version}: install it from https://nodejs.org.`)
  const git = spawnSync('git', ['--version'], { stdio: 'ignore' })
  if (git.error || git.status !== 0) throw new Error('git is needed, and there is none on PATH: install it with your package manager.')
}

/** @param {string} root */
async function prepareCheckout(root) {
  if (!isInstallDue(root) && !isClientDue(root)) return
  let seconds = 0
  await underLock(join(root, '.flotilla', 'setup.lock'), {
    waiting: (pid) => {
      if (seconds++ % 15 === 0) process.stderr.write(`  … waiting for another set-up of this checkout (process ${pid})\n`)
    },
    work: async () => {
      if (isInstallDue(root)) await showing('npm packages', () => installPackages(root))
      if (isClientDue(root)) await showing('database client', () => generateClient(root))
    },
  })
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
