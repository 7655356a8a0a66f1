import { FleetError } from '../base/errors.ts'
import type { BuildOptions } from '../model/flux/build-options.ts'
import type { ProgramProblem } from './frame.ts'
import { type Read, sightOf, sightOfList } from './reads.ts'
import type { Resident } from './resident.ts'
import type { TreeReader } from './tree.ts'

/** What one build may use before it is refused. */
export interface BuildBudget {
  readonly maxReads: number
  readonly maxFileBytes: number
  readonly maxReadBytes: number
}

export type BuildResult =
  | { readonly kind: 'built'; readonly yaml: Uint8Array; readonly reads: readonly Read[] }
  /** The same for every tree with the same reads. */
  | { readonly kind: 'problem'; readonly problem: ProgramProblem; readonly reads: readonly Read[] }
  /** The program died or ran out of time: says nothing about the next attempt. */
  | { readonly kind: 'failed'; readonly message: string }

const text = new TextEncoder()

/** Runs one build on a program, answering its questions from the tree and writing down what it saw. */
export async function runBuild(resident: Resident, tree: TreeReader, options: BuildOptions, budget: BuildBudget): Promise<BuildResult> {
  const reads: Read[] = []
  let bytes = 0
  resident.send({ kind: 'build', path: options.path }, text.encode(JSON.stringify(options)))

  async function look(path: string): Promise<void> {
    const found = tree.look(path)
    reads.push({ op: 'look', path, saw: sightOf(path, found) })
    if (found.kind === 'refused') return refuse('path', found.message, path)
    if (found.kind === 'missing') return resident.send({ kind: 'answer', found: 'missing' })
    if (found.kind === 'directory') return resident.send({ kind: 'answer', found: 'directory', path: found.path })
    bytes += found.size
    if (found.size > budget.maxFileBytes)
      return refuse('budget', `${path} has ${found.size} bytes, ${budget.maxFileBytes} are allowed in a build`, path)
    if (bytes > budget.maxReadBytes) return refuse('budget', `the build reads more than ${budget.maxReadBytes} bytes`, path)
    resident.send({ kind: 'answer', found: 'file', path: found.path }, await tree.read(found))
  }

  function list(path: string): void {
    const names = tree.list(path)
    reads.push({ op: 'list', path, saw: sightOfList(names) })
    resident.send({ kind: 'answer', found: 'directory', names })
  }

  const refuse = (cause: ProgramProblem['cause'], message: string, file: string) =>
    resident.send({ kind: 'answer', problem: { cause, message, file } })

  for (;;) {
    const { head, body } = await resident.next()
    const path = head.path ?? ''
    if (head.kind === 'built') return { kind: 'built', yaml: body, reads }
    if (head.kind === 'problem' && head.problem) return { kind: 'problem', problem: head.problem, reads }
    if (head.kind !== 'look' && head.kind !== 'list') throw new FleetError('internal', `kustomize sent "${head.kind}" in a build`)
    if (reads.length >= budget.maxReads) refuse('budget', `the build looks at more than ${budget.maxReads} paths`, path)
    else if (head.kind === 'list') list(path)
    else await look(path)
  }
}
