import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { processesOf } from '../../deploy/local/process/table.ts'
import { kubectl } from '../support/kubectl.ts'
import { openTempDir } from '../support/temp-dir.ts'

function local(...args: readonly string[]) {
  const child = spawn(process.execPath, ['deploy/local/main.ts', ...args], { stdio: 'pipe' })
  const code = new Promise<number | null>((resolve) => child.once('close', resolve))
  const result = Promise.all([code, text(child.stdout), text(child.stderr)]).then(([exit, out, err]) => ({ exit, out, err }))
  return { child, result }
}

test('starts control planes detached, says where they are, continues with their data, and ends with down', async () => {
  await using dir = openTempDir('world')
  const up = ['--clusters', 'staging,production', '--dir', dir.path, '--only-clusters']
  const first = await local(...up, '--detach').result
  expect(first).toMatchObject({ exit: 0, err: '' })
  const file = JSON.parse(readFileSync(join(dir.path, 'local.json'), 'utf8'))
  expect(JSON.parse(first.out)).toEqual(file)
  expect(file.clusters.map(({ name }: { name: string }) => name)).toEqual(['staging', 'production'])
  const kubeconfig = join(dir.path, 'clusters/staging/kubeconfig')
  expect(file.clusters[0].kubeconfig).toBe(kubeconfig)
  await kubectl(kubeconfig, ['create', 'namespace', 'kept'])

  const second = local(...up)
  await new Promise((resolve) => second.child.stdout.once('data', resolve))
  expect(await kubectl(kubeconfig, ['get', 'namespaces', '-o', 'name'])).toContain('namespace/kept')
  const down = await local('down', '--dir', dir.path).result
  expect(down).toEqual({ exit: 0, out: '', err: '' })
  expect((await second.result).exit).toBe(0)
  expect(processesOf(dir.path)).toEqual([])
  for (const cluster of ['staging', 'production']) expect(processesOf(join(dir.path, 'clusters', cluster))).toEqual([])
  expect(existsSync(join(dir.path, 'local.json'))).toBe(false)
})

test('leaves nothing running after a signal', async () => {
  await using dir = openTempDir('world')
  const world = local('--clusters', 'one', '--dir', dir.path, '--only-clusters')
  await new Promise((resolve) => world.child.stdout.once('data', resolve))
  expect(processesOf(join(dir.path, 'clusters/one'))).not.toEqual([])
  world.child.kill('SIGTERM')
  expect((await world.result).exit).toBe(0)
  expect(processesOf(join(dir.path, 'clusters/one'))).toEqual([])
})

test.each([
  { what: 'no folder', args: ['--clusters', 'one'], says: /--dir is missing/ },
  { what: 'a wrong cluster name', args: ['--clusters', 'One', '--dir', '/nowhere'], says: /"One" is not a name of a cluster/ },
  { what: 'an unknown verb', args: ['sideways', '--dir', '/nowhere'], says: /sideways is not something to do/ },
])('refuses $what with a sentence', async ({ args, says }) => {
  const { exit, err } = await local(...args).result
  expect(exit).toBe(1)
  expect(err).toMatch(says)
})
