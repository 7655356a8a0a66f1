import { once } from 'node:events'
import { readdir, rm, symlink } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type GitServed, type GitServer, openGitServer } from '../../deploy/local/git-server.ts'
import { openAuthority } from '../../hub/clusters/io/authority.ts'
import type { SourceCredential } from '../../hub/sources/credential.ts'
import { GitFetcher } from '../../hub/sources/io/git/fetcher.ts'
import { type GitOptions, sourceKey } from '../../hub/sources/model.ts'
import type { FetchOutcome, RequestOf } from '../../hub/sources/ports.ts'
import { sha256 } from '../../proto/base/hash.ts'
import { silentLog } from '../../proto/base/log.ts'
import { Secret } from '../../proto/base/secret.ts'
import { createRepository, git, type TestRepository } from '../support/git-repository.ts'
import { openSshGitServer, type SshGitServer } from '../support/ssh-server.ts'
import { openTempDir } from '../support/temp-dir.ts'

const CANARY = 'canary-7f3a91'
const dir = openTempDir('sources')
const served: GitServed[] = []
let server: GitServer
let ssh: SshGitServer
let fetcher: GitFetcher
let repositories = 0
let name: string
let repository: TestRepository

beforeAll(async () => {
  server = await openGitServer({ dir: dir.path, log: silentLog, served: (request) => served.push(request) })
  ssh = await openSshGitServer({ dir: dir.path })
  fetcher = new GitFetcher({
    folder: join(dir.path, 'cache'),
    budget: { maxTransferBytes: 8 << 20, maxFiles: 2000, maxFileBytes: 1 << 20, maxTreeBytes: 4 << 20 },
  })
})

afterAll(async () => {
  await fetcher[Symbol.asyncDispose]()
  await ssh[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  await dir[Symbol.asyncDispose]()
})

beforeEach(async () => {
  name = `r${++repositories}`
  repository = await createRepository(dir.path, name)
  served.length = 0
})

interface Look {
  readonly url?: string
  readonly options?: GitOptions
  readonly credential?: SourceCredential
  readonly known?: string
  readonly allow?: readonly string[]
  readonly hosts?: readonly string[]
  readonly timeoutMs?: number
}

interface Seen {
  readonly revision: string
  readonly files: Readonly<Record<string, string>>
}

async function look(over: Look = {}): Promise<Seen | FetchOutcome> {
  const url = over.url ?? `${server.url}/${name}.git`
  const options = over.options ?? { ref: { branch: 'main' } }
  const credentialId = over.credential ? sha256(JSON.stringify(over)) : undefined
  const request: RequestOf<'GitRepository'> = {
    kind: 'GitRepository',
    key: sourceKey({ kind: 'GitRepository', url, options }),
    url,
    options,
    credentialId,
    credential: over.credential,
    policy: { privateNetworks: false, allow: over.allow ?? ['127.0.0.1'], hosts: over.hosts },
    known: over.known,
    timeoutMs: over.timeoutMs ?? 20_000,
  }
  return fetcher.fetch<Seen | FetchOutcome>(request, seen, { signal: AbortSignal.timeout(60_000) })
}

async function seen(outcome: FetchOutcome): Promise<Seen | FetchOutcome> {
  if (outcome.kind !== 'fetched') return outcome
  const contents = new Map<string, string>()
  const { revision, files } = outcome.revision
  for await (const batch of outcome.revision.blobs(files.map((file) => file.sha256)))
    for (const { digest, bytes } of batch) {
      expect(sha256(bytes)).toBe(digest)
      contents.set(digest, Buffer.from(bytes).toString())
    }
  return { revision, files: Object.fromEntries(files.map((file) => [file.path, contents.get(file.sha256) ?? '?'])) }
}

const problem = (reason: string, message: string) => ({ kind: 'problem', problem: { reason, message: expect.stringContaining(message) } })
const sshCredential = (over: Partial<NonNullable<SourceCredential['ssh']>> = {}): SourceCredential => ({
  ssh: { identity: new Secret(ssh.identity), knownHosts: ssh.knownHosts, ...over },
})

describe('what is fetched', () => {
  test('a repository whose HEAD names a branch that nobody pushed is fetched all the same', async () => {
    await git(repository.path, ['symbolic-ref', 'HEAD', 'refs/heads/trunk'])
    const sha = await repository.commit({ 'a.yaml': 'a' })
    expect(await look()).toMatchObject({ revision: `main@sha1:${sha}`, files: { 'a.yaml': 'a' } })
  })

  test('a branch comes with its files, and only once while nothing moves', async () => {
    const commit = await repository.commit({ 'a.yaml': 'a', 'd/b.yaml': 'b', 'x.png': 'picture' })
    expect(await look()).toEqual({ revision: `main@sha1:${commit}`, files: { 'a.yaml': 'a', 'd/b.yaml': 'b' } })
    served.length = 0
    expect(await look({ known: `main@sha1:${commit}` })).toEqual({ kind: 'unchanged' })
    expect(served.map(({ step }) => step)).toEqual(['refs'])
  })

  test('an update moves what is new, not everything again', async () => {
    await repository.commit(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, `${i}`.repeat(500)])))
    await look()
    const commit = await repository.commit({ f1: 'new' })
    expect(await look()).toMatchObject({ revision: `main@sha1:${commit}`, files: { f1: 'new', f2: '2'.repeat(500) } })
    const cache = await git(dir.path, ['-c', 'safe.directory=*', 'count-objects', '-v'], { GIT_DIR: await shallowCache() })
    expect(Number(/^in-pack: (\d+)$/m.exec(cache)?.[1])).toBeLessThan(310)
  })

  test('tags, ranges, names and commits are resolved as in Flux', async () => {
    const first = await repository.commit({ v: '1' })
    await git(repository.path, ['tag', '-a', '-m', 'one', 'v1.0.0', first])
    const second = await repository.commit({ v: '2' })
    await git(repository.path, ['tag', 'v1.1.0', second])
    const third = await repository.commit({ v: '3' })
    await git(repository.path, ['update-ref', 'refs/pull/1/head', second])
    const at = async (ref: object) => look({ options: { ref } })
    expect(await at({ tag: 'v1.0.0' })).toEqual({ revision: `v1.0.0@sha1:${first}`, files: { v: '1' } })
    expect(await at({ semver: '^1.0.0' })).toEqual({ revision: `v1.1.0@sha1:${second}`, files: { v: '2' } })
    expect(await at({ name: 'refs/pull/1/head' })).toEqual({ revision: `refs/pull/1/head@sha1:${second}`, files: { v: '2' } })
    expect(await at({ commit: third })).toEqual({ revision: `sha1:${third}`, files: { v: '3' } })
    expect(await at({ branch: 'main', commit: first })).toEqual({ revision: `main@sha1:${first}`, files: { v: '1' } })
  })

  test('a commit that no ref points at is found in the history', async () => {
    const first = await repository.commit({ v: '1' })
    await repository.commit({ v: '2' })
    expect(await look({ options: { ref: { commit: first } } })).toEqual({ revision: `sha1:${first}`, files: { v: '1' } })
    const nowhere = 'd'.repeat(40)
    expect(await look({ options: { ref: { commit: nowhere } } })).toMatchObject(problem('GitOperationFailed', nowhere))
  })

  test('a force-push to another history is followed', async () => {
    await repository.commit({ old: '1' })
    await look()
    await repository.commit({ fresh: '2', old: undefined }, { branch: 'side' })
    await git(repository.path, ['update-ref', 'refs/heads/main', 'refs/heads/side'])
    const commit = await git(repository.path, ['rev-parse', 'main'])
    expect(await look()).toEqual({ revision: `main@sha1:${commit}`, files: { fresh: '2' } })
  })

  test('a deleted, a half-written and a broken cache are made again', async () => {
    await repository.commit({ v: '1' })
    await look()
    await rm(join(dir.path, 'cache'), { recursive: true })
    const second = await repository.commit({ v: '2' })
    expect(await look()).toMatchObject({ revision: `main@sha1:${second}` })
    for (const damage of ['HEAD', 'config', 'objects/pack']) {
      await rm(join(await shallowCache(), damage), { recursive: true })
      const next = await repository.commit({ v: damage })
      expect(await look()).toEqual({ revision: `main@sha1:${next}`, files: { v: damage } })
    }
  })

  test('caches of sources that are fetched no more are removed, those in use stay', async () => {
    await repository.commit({ v: '1' })
    await look()
    await look({ credential: { bearer: new Secret('tok') } })
    const caches = async () => (await readdir(join(dir.path, 'cache'))).length
    const before = await caches()
    const used = { url: `${server.url}/${name}.git`, credentialId: undefined }
    await fetcher.sweep(async () => [used])
    expect(before).toBeGreaterThan(1)
    expect(await caches()).toBe(1)
    served.length = 0
    const again = await look()
    expect(again).toMatchObject({ files: { v: '1' } })
    await fetcher.sweep(async () => [])
    expect(await caches()).toBe(0)
    expect(await look()).toEqual(again)
  })

  test('ignore rules of the tree and of the object hold', async () => {
    await repository.commit({ 'a.yaml': 'a', 'b.md': 'b', 'd/c.txt': 'c', 'd/.sourceignore': '*.txt\n' })
    expect(await look()).toMatchObject({ files: { 'a.yaml': 'a', 'b.md': 'b', 'd/.sourceignore': '*.txt\n' } })
    const options = { ref: { branch: 'main' }, ignore: '*.md\n/d' }
    expect(await look({ options })).toMatchObject({ files: { 'a.yaml': 'a' } })
  })

  test('links are kept as links', async () => {
    const work = join(dir.path, `work-${name}`)
    await repository.commit({ 'a.yaml': 'a' })
    await git(dir.path, ['clone', '--quiet', repository.path, work])
    await symlink('../../etc/passwd', join(work, 'out'))
    await git(work, ['add', '--all'])
    await git(work, ['commit', '--quiet', '-m', 'link'])
    await git(work, ['push', '--quiet'])
    expect(await look()).toMatchObject({ files: { 'a.yaml': 'a', out: '../../etc/passwd' } })
  })

  async function shallowCache(): Promise<string> {
    const folder = sha256(`${server.url}/${name}.git\n`).slice('sha256:'.length)
    return join(dir.path, 'cache', folder, 'shallow.git')
  }
})

describe('what is refused', () => {
  test('a repository that is empty, missing, or has lost the branch', async () => {
    expect(await look()).toMatchObject(problem('GitOperationFailed', 'the repository is empty'))
    expect(await look({ url: `${server.url}/nowhere.git` })).toMatchObject(problem('GitOperationFailed', 'repository not found'))
    await repository.commit({ v: '1' })
    expect(await look({ options: { ref: { branch: 'gone' } } })).toMatchObject(problem('GitOperationFailed', '"refs/heads/gone"'))
  })

  test('missing and wrong credentials, without showing them', async () => {
    await repository.commit({ v: '1' })
    server.protect(name, { kind: 'basic', username: 'bob', password: 'right' })
    expect(await look()).toMatchObject(problem('AuthenticationFailed', 'HTTP 401'))
    const wrong = await look({ credential: { basic: { username: 'bob', password: new Secret(CANARY) } } })
    expect(wrong).toMatchObject(problem('AuthenticationFailed', 'HTTP 401'))
    expect(JSON.stringify(wrong)).not.toContain(CANARY)
    expect(await look({ credential: { basic: { username: 'bob', password: new Secret('right') } } })).toMatchObject({ files: { v: '1' } })
    server.protect(name, { kind: 'bearer', token: 'tok' })
    expect(await look({ credential: { bearer: new Secret('tok') } })).toMatchObject({ files: { v: '1' } })
    const url = `${server.url.replace('://', `://bob:${CANARY}@`)}/${name}.git`
    expect(JSON.stringify(await look({ url }))).not.toContain(CANARY)
  })

  test('a redirect is followed without the credential, and never to an address that nobody allowed', async () => {
    const commit = await repository.commit({ v: '1' })
    const shown: (string | undefined)[] = []
    let target = server.url
    const redirecting = createHttpServer((request, response) => {
      shown.push(request.headers.authorization)
      response.writeHead(302, { location: `${target}${request.url}` }).end()
    })
    await once(redirecting.listen(0, '127.0.0.1'), 'listening')
    const url = `http://127.0.0.1:${(redirecting.address() as AddressInfo).port}/${name}.git`
    server.protect(name, { kind: 'bearer', token: CANARY })
    const credential = { bearer: new Secret(CANARY) }
    expect(await look({ url, credential })).toMatchObject(problem('AuthenticationFailed', 'HTTP 401'))
    expect(shown).toEqual([`Bearer ${CANARY}`])
    server.protect(name, undefined)
    expect(await look({ url, credential })).toEqual({ revision: `main@sha1:${commit}`, files: { v: '1' } })
    target = 'http://169.254.169.254'
    expect(await look({ url, credential })).toMatchObject({ problem: { reason: 'URLInvalid' } })
    target = server.url
    const listed = (...addresses: readonly string[]) => addresses.map((address) => new URL(address).host)
    const beyond = await look({ url, credential, hosts: listed(url) })
    expect(beyond).toMatchObject(problem('AccessDenied', 'is not among the hosts that spec.sources.hosts of the tenant names'))
    expect(await look({ url, credential, hosts: listed(url, target) })).toEqual({ revision: `main@sha1:${commit}`, files: { v: '1' } })
    redirecting.close()
  })

  test('a server whose certificate comes from a CA that is not given', async () => {
    await repository.commit({ v: '1' })
    const now = new Date()
    const authority = await openAuthority((make) => make(), now)
    const { certificate: cert, privateKey: key } = authority.issueServer(['127.0.0.1'], now)
    await using secure = await openGitServer({ dir: dir.path, log: silentLog, tls: { key, cert } })
    const url = `${secure.url}/${name}.git`
    expect(await look({ url })).toMatchObject(problem('GitOperationFailed', 'certificate'))
    expect(await look({ url, credential: { ca: authority.certificate } })).toMatchObject({ files: { v: '1' } })
  })

  test('addresses that nobody allowed', async () => {
    const address = { kind: 'problem', problem: { reason: 'URLInvalid', stalled: true } }
    expect(await look({ allow: [] })).toMatchObject(address)
    expect(await look({ url: 'http://localhost:1/x.git', allow: [] })).toMatchObject(address)
    expect(await look({ url: 'file:///etc/passwd' })).toMatchObject(address)
    expect(await look({ url: 'git@host:path' })).toMatchObject(address)
    expect(served).toEqual([])
  })

  test('files and trees beyond the budget, by name', async () => {
    await repository.commit({ 'a.yaml': 'a', 'big.bin': 'x'.repeat(2 << 20) })
    expect(await look()).toMatchObject(problem('GitOperationFailed', 'big.bin has 2097152 bytes'))
    await repository.commit({ '.sourceignore': 'big.bin\n' })
    expect(await look()).toMatchObject({ files: { 'a.yaml': 'a' } })
    await repository.commit(Object.fromEntries(Array.from({ length: 2100 }, (_, i) => [`many/${i}`, `${i}`])))
    expect(await look()).toMatchObject(problem('GitOperationFailed', 'files, 2000 are allowed'))
  })

  test('a server that does not answer in time, while others go on', async () => {
    const silent = createServer((socket) => socket.on('error', () => undefined))
    await once(silent.listen(0, '127.0.0.1'), 'listening')
    const { port } = silent.address() as AddressInfo
    await repository.commit({ v: '1' })
    const [late, fine] = await Promise.all([look({ url: `http://127.0.0.1:${port}/x.git`, timeoutMs: 500 }), look()])
    expect(late).toMatchObject({ kind: 'problem', problem: { reason: 'GitOperationFailed' } })
    expect(fine).toMatchObject({ files: { v: '1' } })
    silent.close()
  })
})

describe('over ssh', () => {
  test('a repository is fetched and updated', async () => {
    const url = `${ssh.url}/${name}.git`
    await repository.commit({ v: '1' })
    expect(await look({ url, credential: sshCredential() })).toMatchObject({ files: { v: '1' } })
    const commit = await repository.commit({ v: '2' })
    const credential = sshCredential()
    expect(await look({ url, credential })).toEqual({ revision: `main@sha1:${commit}`, files: { v: '2' } })
    expect(await look({ url, credential, known: `main@sha1:${commit}` })).toEqual({ kind: 'unchanged' })
  })

  test('a key with a passphrase works, with the wrong one it does not', async () => {
    await repository.commit({ v: '1' })
    const identity = new Secret(ssh.addIdentity(CANARY))
    const url = `${ssh.url}/${name}.git`
    expect(await look({ url, credential: sshCredential({ identity, passphrase: new Secret(CANARY) }) })).toMatchObject({
      files: { v: '1' },
    })
    const wrong = await look({ url, credential: sshCredential({ identity, passphrase: new Secret(`${CANARY}x`) }) })
    expect(wrong).toMatchObject(problem('AuthenticationFailed', "'password' is wrong"))
    expect(JSON.stringify(wrong)).not.toContain(CANARY)
  })

  test('a server whose key is not pinned is refused before anything is shown to it', async () => {
    const url = `${ssh.url}/${name}.git`
    const other = await openSshGitServer({ dir: dir.path })
    const swapped = other.knownHosts.replace(`:${other.port}`, `:${ssh.port}`)
    expect(await look({ url, credential: sshCredential({ knownHosts: swapped }) })).toMatchObject(
      problem('AuthenticationFailed', 'known_hosts has another key for it'),
    )
    expect(await look({ url, credential: sshCredential({ knownHosts: other.knownHosts }) })).toMatchObject(
      problem('AuthenticationFailed', 'known_hosts has no key for it'),
    )
    await other[Symbol.asyncDispose]()
  })

  test('a key that the server does not know, and a repository that is not there', async () => {
    const other = await openSshGitServer({ dir: dir.path })
    const url = `${ssh.url}/${name}.git`
    expect(await look({ url, credential: sshCredential({ identity: new Secret(other.identity) }) })).toMatchObject(
      problem('AuthenticationFailed', 'refuses the key'),
    )
    expect(await look({ url: `${ssh.url}/nowhere.git`, credential: sshCredential() })).toMatchObject(
      problem('GitOperationFailed', 'repository not found'),
    )
    await other[Symbol.asyncDispose]()
  })
})
