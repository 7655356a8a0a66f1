import { expect, test } from 'vitest'
import type { HelmAction, HelmOutcome } from '../../proto/helm/protocol.ts'
import type { StoredRelease } from '../../proto/helm/stored.ts'
import { aHelmRelease, aSnapshot, aStoredRelease } from '../../test/support/helm-builders.ts'
import type { ReadyChart } from './ports.ts'
import { type Preview, preview } from './preview.ts'

type Object = Parameters<typeof aHelmRelease>[0]

const CRD = { id: '_gadgets.example.com_apiextensions.k8s.io_CustomResourceDefinition', v: 'v1' }
const good = aStoredRelease({ status: 'superseded' })
const bad = aStoredRelease({ version: 2, status: 'failed' })
const hooks = ['pre-install', 'post-upgrade', 'test'].map((event) => ({ name: event, events: [event], manifest: '' }))
const DONE = { kind: 'done', answer: { ok: true, rendered: { manifest: 'rendered', hooks } }, log: [] } as const

/** What is previewed of an object with a storage, and what Helm was asked to render. */
async function previewed(
  object: Object,
  storage: readonly StoredRelease[],
  o: { chart?: Partial<ReadyChart>; isForced?: boolean; outcome?: HelmOutcome } = {},
) {
  const asked: HelmAction[] = []
  const stored = storage[0] ?? aStoredRelease()
  const onDisk = async () => ({ path: '/chart.tgz', [Symbol.asyncDispose]: async () => undefined })
  const { name, version } = stored.chart
  const chart: ReadyChart = { name, version, appVersion: '', onDisk, crds: [CRD], ...o.chart }
  const helm = {
    history: async () => storage,
    run: async (action: HelmAction) => {
      asked.push(action)
      return o.outcome ?? DONE
    },
  }
  const job = {
    chart,
    values: stored.config,
    secrets: ['s'],
    isForced: o.isForced ?? false,
    deadlineMs: 1,
    signal: new AbortController().signal,
  }
  const account = { namespace: 'shop', name: 'releaser' }
  const found = await preview({ helm }, { ...job, account, object: aHelmRelease(object) })
  return { asked: asked.map(({ action, options }) => [action, options]), found: found as Preview }
}
const knows = (...stored: readonly StoredRelease[]) => ({ history: stored.map((one) => aSnapshot(one)) })
const upgraded = (upgradeFailures: number) => ({ upgradeFailures, lastAttemptedReleaseAction: 'upgrade' as const, ...knows(bad, good) })

test('what is not there is rendered as an install, with the hooks and definitions that come with it', async () => {
  const { asked, found } = await previewed({}, [])
  expect(asked).toEqual([['template', expect.objectContaining({ isUpgrade: false, preserveValues: false })]])
  expect(found).toMatchObject({
    step: 'install',
    to: { manifest: 'rendered' },
    from: undefined,
    crds: { names: ['gadgets.example.com'], are: 'created' },
  })
  expect(found.hooks.map(({ name }) => name)).toEqual(['pre-install'])
})

test('another chart is rendered as an upgrade of what is deployed', async () => {
  const stored = aStoredRelease()
  const { asked, found } = await previewed(
    { status: knows(stored), spec: { upgrade: { preserveValues: true, crds: 'CreateReplace' } } },
    [stored],
    { chart: { version: '9.9.9' } },
  )
  expect(asked).toEqual([['template', expect.objectContaining({ isUpgrade: true, preserveValues: true })]])
  expect(found).toMatchObject({
    step: 'upgrade',
    reason: 'release chart changed',
    from: stored,
    chart: `${stored.chart.name}@9.9.9`,
    crds: { are: 'replaced' },
  })
  expect(found.hooks.map(({ name }) => name)).toEqual(['post-upgrade'])
})

test('what is in order is compared as it was released: nothing is rendered', async () => {
  const stored = aStoredRelease()
  const { asked, found } = await previewed({ status: knows(stored) }, [stored])
  expect(asked).toEqual([])
  expect(found).toMatchObject({ step: 'nothing', from: stored, to: stored, configs: [stored.config] })
})

test.each<[string, Object, readonly StoredRelease[], { isForced?: boolean }, object]>([
  [
    'a forced one',
    { status: knows(aStoredRelease()) },
    [aStoredRelease()],
    { isForced: true },
    { step: 'upgrade', reason: 'a release action was asked for' },
  ],
  [
    'one that was given up',
    { status: upgraded(1) },
    [bad, good],
    {},
    { step: 'upgrade', reason: 'the last release failed', held: 'Failed to upgrade after 1 attempt(s)', from: bad },
  ],
  [
    'one with tries left',
    { status: upgraded(1), spec: { upgrade: { remediation: { retries: 1 } } } },
    [bad, good],
    {},
    { step: 'rollback', from: bad, to: good },
  ],
  [
    'a locked one',
    {},
    [aStoredRelease({ status: 'pending-upgrade' })],
    {},
    { step: 'unlock', reason: "release with status 'pending-upgrade'", to: undefined },
  ],
  [
    'one of another name',
    { spec: { releaseName: 'other' }, status: { ...knows(good), storageNamespace: 'old' } },
    [good],
    {},
    { step: 'reinstall', from: good, to: { name: 'other' } },
  ],
])('%s is previewed by what a reconcile would do', async (_name, object, storage, o, wanted) => {
  expect((await previewed(object, storage, o)).found).toMatchObject(wanted)
})

test('what Helm cannot render is a problem in its words', async () => {
  const outcome = { kind: 'refused', answer: { ok: false, error: 'no such function' }, log: [] } as const
  expect((await previewed({}, [], { outcome })).found).toEqual({ problem: 'Helm cannot install it: no such function' })
})
