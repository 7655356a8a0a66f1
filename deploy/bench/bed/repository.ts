import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

/** A repository on the git server, with a working copy to commit from. */
export interface Repository {
  readonly url: string
  /** Commits files (text by path) in the working copy; `push` brings the commit to the server. Returns the revision as Flux writes it. */
  commit(files: Readonly<Record<string, string>>): Promise<string>
  push(): Promise<void>
  /** Has these branches of the server be at the last commit, all at once. @returns its revision on a branch */
  pushTo(branches: readonly string[]): Promise<(branch: string) => string>
}

const ENV = {
  GIT_AUTHOR_NAME: 'Bench',
  GIT_AUTHOR_EMAIL: 'bench@example.com',
  GIT_COMMITTER_NAME: 'Bench',
  GIT_COMMITTER_EMAIL: 'bench@example.com',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
}

export async function createRepository(at: {
  /** Folder whose repositories the git server serves. */
  readonly served: string
  readonly url: string
  /** Folder for the working copy. */
  readonly work: string
}): Promise<Repository> {
  const bare = join(at.served, 'fleet.git')
  const url = `${at.url}/fleet.git`
  mkdirSync(bare, { recursive: true })
  mkdirSync(at.work, { recursive: true })
  await git(bare, ['init', '--quiet', '--bare', '--initial-branch=main'])
  await git(at.work, ['init', '--quiet', '--initial-branch=main'])
  await git(at.work, ['remote', 'add', 'origin', url])
  return {
    url,
    async commit(files) {
      for (const [file, text] of Object.entries(files)) {
        mkdirSync(dirname(join(at.work, file)), { recursive: true })
        writeFileSync(join(at.work, file), text)
      }
      await git(at.work, ['add', '--all'])
      await git(at.work, ['commit', '--quiet', '-m', 'change'])
      return `main@sha1:${await git(at.work, ['rev-parse', 'HEAD'])}`
    },
    async push() {
      await git(at.work, ['push', '--quiet', 'origin', 'main'])
    },
    async pushTo(branches) {
      const commit = await git(at.work, ['rev-parse', 'HEAD'])
      await git(at.work, ['push', '--quiet', 'origin', ...branches.map((branch) => `HEAD:refs/heads/${branch}`)])
      return (branch) => `${branch}@sha1:${commit}`
    },
  }
}

async function git(cwd: string, args: readonly string[]): Promise<string> {
  const options = { cwd, env: { PATH: process.env.PATH, HOME: cwd, ...ENV }, maxBuffer: 64 << 20 }
  return (await promisify(execFile)('git', [...args], options)).stdout.trimEnd()
}
