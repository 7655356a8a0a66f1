import { expect, test } from 'vitest'
import { aHelmRelease, aSnapshot, aStoredRelease } from '../../../test/support/helm-builders.ts'
import { commonMetadataDigest, postRenderersDigest } from '../snapshot/digests.ts'
import { releaseState, type StateInput } from './state.ts'

const stored = aStoredRelease()
const known = { history: [aSnapshot(stored)], lastAttemptedReleaseAction: 'install' } as const
const { apiVersion: _, ...legacy } = { ...aSnapshot(stored), digest: 'sha256:0' }
const state = (o: Partial<StateInput>) =>
  releaseState({ object: aHelmRelease({ status: known }), stored, chart: stored.chart, values: stored.config, ...o })
const withStatus = (status: Parameters<typeof aStoredRelease>[0] & object) => {
  const changed = aStoredRelease(status)
  return { stored: changed, object: aHelmRelease({ status: { ...known, history: [aSnapshot(changed)] } }) }
}
const seenIn = (observedGeneration: number) => ({ observedGeneration })

test.each<[string, Partial<StateInput>, string, string?]>([
  ['nothing in storage', { stored: undefined }, 'absent', 'no release in storage for object'],
  ['an install in the middle', withStatus({ status: 'pending-install' }), 'locked', "release with status 'pending-install'"],
  ['an upgrade in the middle', withStatus({ status: 'pending-upgrade' }), 'locked', "release with status 'pending-upgrade'"],
  ['a roll-back in the middle', withStatus({ status: 'pending-rollback' }), 'locked', "release with status 'pending-rollback'"],
  ['an uninstall in the middle', withStatus({ status: 'uninstalling' }), 'locked', "release with status 'uninstalling'"],
  ['a lock comes first, known or not', { stored: aStoredRelease({ status: 'pending-upgrade' }), object: aHelmRelease() }, 'locked'],
  ['an uninstalled release', withStatus({ status: 'uninstalled' }), 'absent', 'found uninstalled release in storage'],
  ['an uninstalled release of nobody', { stored: aStoredRelease({ status: 'uninstalled' }), object: aHelmRelease() }, 'absent'],
  ['a release that nobody knows', { object: aHelmRelease() }, 'unmanaged', 'found existing release in storage'],
  [
    'a newer version that somebody made',
    { stored: aStoredRelease({ version: 2 }) },
    'unmanaged',
    'release not observed to be made for object',
  ],
  ['a release that somebody changed', { stored: { ...stored, manifest: 'kind: X' } }, 'unmanaged'],
  ['a failed release', withStatus({ status: 'failed' }), 'failed'],
  ['a superseded one with nothing newer', withStatus({ status: 'superseded' }), 'failed', "release with status 'superseded'"],
  ['another chart version', { chart: { name: 'app', version: '1.0.1' } }, 'out-of-sync', 'release chart changed'],
  ['another chart', { chart: { name: 'other', version: '1.0.0' } }, 'out-of-sync', 'release chart changed'],
  ['other values', { values: { text: 'two' } }, 'out-of-sync', 'release config values changed'],
  [
    'a release that an older Flux took down in another way',
    { object: aHelmRelease({ status: { ...known, history: [legacy] } }) },
    'in-sync',
  ],
  [
    'a newer version than an older Flux took down',
    { stored: aStoredRelease({ version: 2 }), object: aHelmRelease({ status: { ...known, history: [legacy] } }) },
    'unmanaged',
  ],
  ['values in another order', { values: JSON.parse('{"text":"one"}') }, 'in-sync'],
  ['the wanted release', {}, 'in-sync'],
])('%s is %s', (_name, input, kind, reason) => {
  expect(state(input)).toMatchObject({ kind, ...(reason === undefined ? {} : { reason }) })
})

test('values that are preserved may be more than what is wanted', () => {
  const more = aStoredRelease({ config: { text: 'one', old: { deep: 1 } } })
  const spec = { upgrade: { preserveValues: true } }
  const object = aHelmRelease({ spec, status: { ...known, history: [aSnapshot(more)] } })
  expect(state({ stored: more, object })).toEqual({ kind: 'in-sync' })
  expect(state({ stored: more, object, values: { text: 'two' } })).toMatchObject({ kind: 'out-of-sync' })
})

test('post-rendering and common metadata count from a new generation on, and then once', () => {
  const postRenderers = [{ kustomize: { images: [{ name: 'a', newTag: '2' }] } }]
  const commonMetadata = { labels: { team: 'a' } }
  const object = (spec: object, status: object) => aHelmRelease({ spec, metadata: { generation: 2 }, status: { ...known, ...status } })
  expect(state({ object: object({ postRenderers }, seenIn(1)) })).toMatchObject({ reason: 'postrenderers digest has changed' })
  expect(state({ object: object({ commonMetadata }, seenIn(1)) })).toMatchObject({ reason: 'common metadata digest has changed' })
  expect(state({ object: object({ postRenderers }, seenIn(2)) })).toEqual({ kind: 'in-sync' })
  const seen = {
    observedPostRenderersDigest: postRenderersDigest(postRenderers),
    observedCommonMetadataDigest: commonMetadataDigest(commonMetadata),
  }
  expect(state({ object: object({ postRenderers, commonMetadata }, { ...seenIn(1), ...seen }) })).toEqual({ kind: 'in-sync' })
  expect(state({ object: object({}, { ...seenIn(1), ...seen }) })).toMatchObject({ kind: 'out-of-sync' })
})

test.each<[string, object, object | undefined, string]>([
  ['tests that did not run', { enable: true }, undefined, 'untested'],
  ['tests that did not run to the end', { enable: true }, { t: { phase: 'Succeeded' }, u: {} }, 'untested'],
  ['tests of which one failed before the others ran', { enable: true }, { t: { phase: 'Failed' }, u: {} }, 'failed'],
  ['a chart without tests', { enable: true }, {}, 'in-sync'],
  ['tests that went well', { enable: true }, { t: { phase: 'Succeeded' } }, 'in-sync'],
  ['a test that failed', { enable: true }, { t: { phase: 'Failed' } }, 'failed'],
  ['a test that failed and is ignored', { enable: true, ignoreFailures: true }, { t: { phase: 'Failed' } }, 'in-sync'],
  ['tests that nobody wants', {}, undefined, 'in-sync'],
])('%s: %s %s is %s', (_name, spec, hooks, kind) => {
  const history = [aSnapshot(stored, hooks as Parameters<typeof aSnapshot>[1])]
  expect(state({ object: aHelmRelease({ spec: { test: spec }, status: { ...known, history } }) }).kind).toBe(kind)
})
