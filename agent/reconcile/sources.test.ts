import { expect, test } from 'vitest'
import type { SourceStatusFact } from '../../proto/model/facts.ts'
import { parseFluxObject } from '../../proto/model/flux/parse.ts'
import { isSource } from '../../proto/model/flux/source/kinds.ts'
import { createSourceReconciler } from './sources.ts'

const PROBLEM = { reason: 'OCIArtifactPullFailed', message: 'HTTP 401', stalled: false }
const fact = (problem: SourceStatusFact['problem']): SourceStatusFact => ({
  ...{ kind: 'source-status', source: { group: 'g', kind: 'k', namespace: 'n', name: 'a' }, generation: 1, revision: '1.0.0@sha256:a' },
  ...{ artifactDigest: 'sha256:b', artifactBytes: 9, artifactAt: new Date(0), problem, handledAt: '', position: 1n },
})

/** When a source with a Secret is looked at again. */
async function nextLookMs(interval: string, problem?: SourceStatusFact['problem']): Promise<number | undefined> {
  const metadata = { name: 'a', namespace: 'n', generation: 1 }
  const spec = { url: 'oci://x/y', interval }
  const parsed = parseFluxObject({ apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'OCIRepository', metadata, spec })
  if ('problems' in parsed || !isSource(parsed.object)) throw new Error(JSON.stringify(parsed))
  const { object } = parsed
  const reconciler = createSourceReconciler({
    object: () => object,
    fact: () => fact(problem),
    say: async () => undefined,
    hasCredential: () => true,
    refreshCredential: async () => false,
    tellAgain: () => undefined,
    forget: () => undefined,
    random: { next: () => 0.5, hex: () => '' },
  })
  return reconciler.reconcile('key', AbortSignal.timeout(5000))
}

test('the Secret of a source is read again at its interval, and soon where the source cannot be fetched', async () => {
  expect(await nextLookMs('1h')).toBe(3_600_000)
  expect(await nextLookMs('1h', PROBLEM)).toBe(15_000)
  expect(await nextLookMs('5s', PROBLEM)).toBe(5000)
  expect(await nextLookMs('1h', { ...PROBLEM, stalled: true })).toBe(3_600_000)
})
