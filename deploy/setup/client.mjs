import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../tools/run.mjs'
import { nodeProgram } from './node.mjs'

/**
 * True when the generated database client is missing, or was generated from another schema or by another version.
 *
 * @param {string} root
 */
export function isClientDue(root) {
  const stamp = stampOf(root)
  return stamp !== undefined && read(stampFile(root)) !== stamp
}

/**
 * Generates the database client. Prisma wants a migration engine that it would download, though `generate` never runs it:
 * `/bin/false` stands for it.
 *
 * @param {string} root
 */
export async function generateClient(root) {
  const prisma = join(root, 'node_modules', 'prisma', 'build', 'index.js')
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/false', PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' }
  const { code, end } = await run(nodeProgram(root), [prisma, 'generate'], { cwd: root, env })
  if (code !== 0) throw new Error(`\`prisma generate\` in ${root} failed:\n${end}`)
  writeFileSync(stampFile(root), stampOf(root) ?? '')
}

/** @param {string} root */
function stampOf(root) {
  const schema = join(root, 'prisma', 'schema.prisma')
  if (!existsSync(schema)) return undefined
  const version = read(join(root, 'node_modules', 'prisma', 'package.json'))
  return createHash('sha256').update(readFileSync(schema)).update(version).digest('hex')
}

/** @param {string} root */
function stampFile(root) {
  return join(root, 'hub', 'db', 'gen', '.generated-from')
}

/** @param {string} file */
function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}
