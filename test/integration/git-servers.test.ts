import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type GitServed, openGitServer } from '../../deploy/local/git-server.ts'
import { silentLog } from '../../proto/base/log.ts'
import { createRepository, git } from '../support/git-repository.ts'
import { openSshGitServer } from '../support/ssh-server.ts'
import { openTempDir } from '../support/temp-dir.ts'

test('serves every repository of the folder over HTTP, also one that appears later, and takes a push', async () => {
  await using dir = openTempDir('git')
  const served: GitServed[] = []
  await using server = await openGitServer({ dir: dir.path, log: silentLog, served: (each) => served.push(each) })
  const repository = await createRepository(dir.path, 'team-a/apps')
  const first = await repository.commit({ 'apps/a.yaml': 'a: 1\n' })
  await git(dir.path, ['clone', '--quiet', `${server.url}/team-a/apps.git`, 'copy'])
  const copy = join(dir.path, 'copy')
  expect(await git(copy, ['rev-parse', 'HEAD'])).toBe(first)
  expect(served.map(({ repository, service, step, status }) => ({ repository, service, step, status }))).toContainEqual({
    repository: 'team-a/apps',
    service: 'git-upload-pack',
    step: 'pack',
    status: 200,
  })
  writeFileSync(join(copy, 'big.bin'), randomBytes(3_000_000))
  await git(copy, ['add', '--all'])
  await git(copy, ['commit', '--quiet', '-m', 'second'])
  await git(copy, ['push', '--quiet', 'origin', 'main'])
  expect(await git(repository.path, ['rev-parse', 'main'])).toBe(await git(copy, ['rev-parse', 'HEAD']))
})

test('serves nothing outside the folder and answers an unknown address with 404', async () => {
  await using dir = openTempDir('git')
  const inside = join(dir.path, 'served')
  await (await createRepository(dir.path, 'outside')).commit({ a: '1' })
  await createRepository(inside, 'known')
  await using server = await openGitServer({ dir: inside, log: silentLog })
  for (const path of ['/../outside.git/info/refs', '/%2e%2e/outside.git/info/refs', '/none.git/info/refs', '/', '/known.git'])
    expect((await fetch(`${server.url}${path}?service=git-upload-pack`)).status).toBe(404)
})

test('lets only the right password or token into a protected repository', async () => {
  await using dir = openTempDir('git')
  await using server = await openGitServer({ dir: dir.path, log: silentLog })
  await (await createRepository(dir.path, 'secret')).commit({ a: '1' })
  server.protect('secret', { kind: 'basic', username: 'tess', password: 'p' })
  const refs = `${server.url}/secret.git/info/refs?service=git-upload-pack`
  const status = async (authorization?: string) => (await fetch(refs, authorization ? { headers: { authorization } } : {})).status
  expect(await status()).toBe(401)
  expect(await status(`Basic ${Buffer.from('tess:wrong').toString('base64')}`)).toBe(401)
  await git(dir.path, ['clone', '--quiet', refs.replace('//', '//tess:p@').replace(/\/info.*/, ''), 'copy'])
  server.protect('secret', { kind: 'bearer', token: 't' })
  expect(await status('Bearer t')).toBe(200)
  expect(await status('Bearer u')).toBe(401)
})

test('serves a repository over SSH to who has the key, with the host key that it announces', async () => {
  await using dir = openTempDir('git')
  await using server = await openSshGitServer({ dir: dir.path })
  const head = await (await createRepository(dir.path, 'apps')).commit({ 'a.yaml': 'a: 1\n' })
  const ssh = sshCommand(dir.path, server.knownHosts, server.identity)
  await git(dir.path, ['clone', '--quiet', `${server.url}/apps.git`, 'copy'], { GIT_SSH_COMMAND: ssh })
  expect(await git(join(dir.path, 'copy'), ['rev-parse', 'HEAD'])).toBe(head)
  expect(readFileSync(join(dir.path, 'copy/a.yaml'), 'utf8')).toBe('a: 1\n')
  await expect(git(dir.path, ['ls-remote', `${server.url}/none.git`], { GIT_SSH_COMMAND: ssh })).rejects.toThrow(
    /does not appear to be a git repository/,
  )
})

test('refuses over SSH a key that it does not know', async () => {
  await using dir = openTempDir('git')
  await using server = await openSshGitServer({ dir: dir.path })
  await using other = await openSshGitServer({ dir: dir.path })
  await createRepository(dir.path, 'apps')
  const ssh = sshCommand(dir.path, server.knownHosts, other.identity)
  await expect(git(dir.path, ['ls-remote', `${server.url}/apps.git`], { GIT_SSH_COMMAND: ssh })).rejects.toThrow(/Permission denied/)
  expect(existsSync(join(dir.path, 'copy'))).toBe(false)
})

function sshCommand(dir: string, knownHosts: string, identity: string): string {
  const files = { hosts: join(dir, 'known_hosts'), key: join(dir, 'identity') }
  writeFileSync(files.hosts, knownHosts)
  writeFileSync(files.key, identity)
  chmodSync(files.key, 0o600)
  return `ssh -F none -o UserKnownHostsFile=${files.hosts} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes -o BatchMode=yes -i ${files.key}`
}
