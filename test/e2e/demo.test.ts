import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { processesOf } from '../../deploy/local/process/table.ts'
import { CHECKOUT } from '../../deploy/local/world-home.ts'
import { openTempDir } from '../support/temp-dir.ts'

// README: `npm run demo -- --once` shows the main job on three real clusters and ends by itself.

const STEPS = ['1 First sync', '2 One commit', '3 Drift', '4 A tenant', '5 A chart', '6 Hub away', '7 Rollout']

async function demo(...args: readonly string[]) {
  const child = spawn(process.execPath, [join(CHECKOUT, 'deploy/demo/main.ts'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exit = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  const [code, stdout, stderr] = await Promise.all([exit, text(child.stdout), text(child.stderr)])
  return { code, stdout, stderr }
}

test('the demo does what it says on three real clusters, ends by itself, and leaves nothing', { timeout: 600_000 }, async () => {
  const { code, stdout, stderr } = await demo('--once')
  expect({ code, failed: stdout.includes('✗') }, `${stdout}\n${stderr}`).toEqual({ code: 0, failed: false })
  for (const step of STEPS) expect(stdout).toMatch(new RegExp(`^${step} .* s +ok$`, 'm'))
  for (const cluster of ['staging', 'production-eu', 'production-us']) expect(stdout).toMatch(`✔ ${cluster}: web has version 1.6.0`)
  expect(stdout).toContain('of 12 Kustomizations: 2 built, 3 bundles')
  expect(stdout).toContain('✔ production-us: the banner says "Everything must go in production-us"')
  expect(stdout).toMatch(/canary +pending.*✔ production-us: web has version 1\.7\.0.*✔ production-eu and production-us never had 2\.0\.0/s)
  expect(stdout).toMatch(/rolled-back .* web 2\.0\.0/)
  expect(stdout).toContain('User "system:serviceaccount:team-a:flotilla-tenant" cannot')
  const dir = /^Flotilla, in (.+)$/m.exec(stdout)?.[1] ?? ''
  expect(dir).not.toBe('')
  expect({ there: existsSync(dir), running: processesOf(dir) }).toEqual({ there: false, running: [] })
})

test('a folder that has something in it is refused before anything starts', async () => {
  await using taken = openTempDir('taken')
  const { code, stderr } = await demo('--once', '--dir', join(taken.path, '..'))
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(/there is something in that folder; name one that is new or empty/),
  })
})
