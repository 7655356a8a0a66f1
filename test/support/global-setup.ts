import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { stopControlPlane } from '../../deploy/local/control-plane.ts'
import { openTempDir, sweepLeftovers } from './temp-dir.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of this run, for what its test files share. */
    runDir: string
  }
}

/** Before the first and after the last test of a project: clears up after killed runs, gives the run a folder, ends what was shared. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await sweepLeftovers(AbortSignal.timeout(60_000))
  const dir = openTempDir(`run-${project.name}`)
  const shared = join(dir.path, 'shared-cluster')
  mkdirSync(shared)
  project.provide('runDir', dir.path)
  return async () => {
    await stopControlPlane(shared, { signal: AbortSignal.timeout(60_000), kill: true })
    await dir[Symbol.asyncDispose]()
  }
}
