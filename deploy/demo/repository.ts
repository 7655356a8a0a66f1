import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { FleetError } from '../../proto/base/errors.ts'

/** A repository on the git server of the local world, and a working copy of it. */
export interface Repository {
  readonly url: string
  /** The working copy. */
  readonly copy: string
  read(file: string): string
  write(file: string, text: string): void
  /** Commits all that has changed and pushes it; returns the revision as Flux writes it. */
  push(message: string, signal: AbortSignal): Promise<string>
}

export interface RepositoryOptions {
  readonly name: string
  /** The git server: its address, and the folder whose repositories it serves. */
  readonly server: { readonly url: string; readonly dir: string }
  /** Folder for working copies. */
  readonly work: string
  /** Folder with what the first commit has. */
  readonly content: string
  readonly signal: AbortSignal
}

const ENV = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' }

/** Makes the repository with its content as first commit, not yet pushed. */
export async function createRepository({ name, server, work, content, signal }: RepositoryOptions): Promise<Repository> {
  const bare = join(server.dir, `${name}.git`)
  const copy = join(work, name)
  const url = `${server.url}/${name}.git`
  for (const folder of [bare, copy]) mkdirSync(folder, { recursive: true })
  const git = (...args: readonly string[]) => runGit(copy, args, signal)
  await runGit(bare, ['init', '--quiet', '--bare', '--initial-branch=main'], signal)
  await git('init', '--quiet', '--initial-branch=main')
  await git('remote', 'add', 'origin', url)
  await git('config', 'user.name', 'Flotilla demo')
  await git('config', 'user.email', 'demo@example.com')
  cpSync(content, copy, { recursive: true })
  return {
    url,
    copy,
    read: (file) => readFileSync(join(copy, file), 'utf8'),
    write: (file, text) => writeFileSync(join(copy, file), text),
    async push(message, now) {
      await runGit(copy, ['add', '--all'], now)
      await runGit(copy, ['commit', '--quiet', '-m', message], now)
      await runGit(copy, ['push', '--quiet', 'origin', 'main'], now)
      return `main@sha1:${await runGit(copy, ['rev-parse', 'HEAD'], now)}`
    },
  }
}

async function runGit(cwd: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  const options = { cwd, signal, env: { PATH: process.env.PATH, HOME: cwd, ...ENV } }
  try {
    return (await promisify(execFile)('git', [...args], options)).stdout.trimEnd()
  } catch (error) {
    throw FleetError.from(error, `run git ${args[0]} in ${cwd}`)
  }
}
