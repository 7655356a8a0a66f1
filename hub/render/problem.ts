import type { ProgramProblem } from '../../proto/kustomize/frame.ts'
import type { RenderProblem } from './model.ts'

const MAX_MESSAGE = 4000

/** The problem that a Kustomization shows: file and line in front, where kustomize's own words leave them out. */
export function renderProblem({ cause, message, file, line }: ProgramProblem): RenderProblem {
  const at = file === undefined ? '' : line === undefined ? `${file}: ` : `${file}:${line}: `
  const text = cause === 'path' ? message : `kustomize build failed: ${at}${message}`
  const short = text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}…` : text
  return { reason: cause === 'path' ? 'ArtifactFailed' : 'BuildFailed', message: short }
}
