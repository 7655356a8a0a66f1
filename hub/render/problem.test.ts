import { expect, test } from 'vitest'
import { renderProblem } from './problem.ts'

test.each([
  [
    'a missing path names the path',
    { cause: 'path', message: 'kustomization path not found: x' },
    'ArtifactFailed',
    'kustomization path not found: x',
  ],
  [
    'a broken file names file and line',
    { cause: 'build', message: 'bad', file: 'a/b.yaml', line: 3 },
    'BuildFailed',
    'kustomize build failed: a/b.yaml:3: bad',
  ],
  ['what has no file has none', { cause: 'budget', message: 'too much' }, 'BuildFailed', 'kustomize build failed: too much'],
] as const)('%s', (_, problem, reason, message) => {
  expect(renderProblem(problem)).toEqual({ reason, message })
})
