import { expect, test } from 'vitest'
import { fetchProblem, withoutSecrets } from './problems.ts'

test('secrets and user information are cut out of what servers say', () => {
  const text = 'fatal: https://bob:hunter2@git.example said hunter2 aHVudGVyMg=='
  expect(withoutSecrets(text, ['hunter2', 'aHVudGVyMg=='])).toBe('fatal: https://git.example said [secret] [secret]')
})

test('what only a change of configuration can mend is stalled', () => {
  expect(fetchProblem('GitRepository', 'address', { message: 'x' })).toEqual({ reason: 'URLInvalid', message: 'x', stalled: true })
  expect(fetchProblem('GitRepository', 'unauthorized', { message: 'x' })).toEqual({ reason: 'AuthenticationFailed', message: 'x' })
})

test('each kind has the reasons that Flux has for it', () => {
  expect(fetchProblem('OCIRepository', 'unauthorized', { message: 'x' }).reason).toBe('OCIArtifactPullFailed')
  expect(fetchProblem('OCIRepository', 'tree', { message: 'x' }).reason).toBe('OCIArtifactLayerOperationFailed')
  expect(fetchProblem('Bucket', 'unauthorized', { message: 'x' }).reason).toBe('BucketOperationFailed')
  expect(fetchProblem('Bucket', 'credential', { message: 'x' }).reason).toBe('AuthenticationFailed')
  expect(fetchProblem('HelmRepository', 'budget', { message: 'x' }).reason).toBe('IndexationFailed')
  expect(fetchProblem('HelmChart', 'range', { message: 'x' })).toEqual({ reason: 'InvalidChartReference', message: 'x', stalled: true })
  expect(fetchProblem('HelmChart', 'ref', { message: 'x' })).toEqual({ reason: 'InvalidChartReference', message: 'x', stalled: true })
  expect(fetchProblem('HelmChart', 'values', { message: 'x' })).toEqual({ reason: 'ValuesFilesError', message: 'x', stalled: true })
  expect(fetchProblem('HelmChart', 'dependency', { message: 'x' })).toEqual({ reason: 'DependencyBuildError', message: 'x' })
  expect(fetchProblem('HelmChart', 'unlisted', { message: 'x' }).reason).toBe('AccessDenied')
})
