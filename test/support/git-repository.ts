import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const IDENTITY = {
  GIT_AUTHOR_NAME: 'Tess Ter',
  GIT_AUTHOR_EMAIL: 'tess@example.com',
  GIT_COMMITTER_NAME: 'Tess Ter',
  GIT_COMMITTER_EMAIL: 'tess@example.com',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
}

/** Runs the real git in a folder and returns what it printed, without the end of the line. */
export async function git(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const options = { cwd, env: { PATH: process.env.PATH, HOME: cwd, ...IDENTITY, ...env }, maxBuffer: 64 * 1024 * 1024 }
  return (await promisify(execFile)('git', [...args], options)).stdout.trimEnd()
}

/** A bare repository that tests commit to, as a server serves it. */
export interface TestRepository {
  readonly path: string
  /** Commits files (text by path; undefined deletes) on top of the branch, without a working copy left behind; returns the commit's sha1. */
  commit(
    files: Readonly<Record<string, string | undefined>>,
    options?: { readonly branch?: string; readonly message?: string },
  ): Promise<string>
}

/** Makes an empty bare repository `NAME.git` with the default branch `main` in a folder. */
export async function createRepository(dir: string, name: string): Promise<TestRepository> {
  const path = join(dir, `${name}.git`)
  await mkdir(path, { recursive: true })
  await git(path, ['init', '--quiet', '--bare', '--initial-branch=main'])
  return {
    path,
    async commit(files, { branch = 'main', message = 'change' } = {}) {
      const work = await mkdtemp(join(dir, '.work-'))
      try {
        const known = await git(path, ['for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`])
        await git(path, ['clone', '--quiet', path, work])
        await git(work, known ? ['checkout', '--quiet', branch] : ['checkout', '--quiet', '--orphan', branch])
        for (const [file, text] of Object.entries(files)) await put(join(work, file), text)
        await git(work, ['add', '--all'])
        await git(work, ['commit', '--quiet', '--allow-empty', '-m', message])
        await git(work, ['push', '--quiet', 'origin', `HEAD:refs/heads/${branch}`])
        return await git(work, ['rev-parse', 'HEAD'])
      } finally {
        await rm(work, { recursive: true, force: true })
      }
    },
  }
}

async function put(file: string, text: string | undefined): Promise<void> {
  if (text === undefined) return await rm(file, { recursive: true, force: true })
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
}
