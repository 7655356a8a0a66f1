import { afterEach, beforeEach, expect, test } from 'vitest'
import type { RolloutService } from '../../hub/rollout/service.ts'
import { FLEET, openRolloutWorld, type RolloutWorld } from './rollout-world.ts'

// Rollouts over the source of a chart: rows of a real Postgres, HelmReleases as their agents mirror them.

let world: RolloutWorld
let rollouts: RolloutService

const TWO = [
  { name: 'canary', max: 1 },
  { name: 'rest', rest: true },
]
const RELEASE = 'HelmRelease/flux-system/apps'
const query = (text: string, values: readonly unknown[] = []) => world.database.db.query(text, values)

beforeEach(async () => {
  world = await openRolloutWorld()
  rollouts = world.service()
})
afterEach(() => world[Symbol.asyncDispose]())

interface Seen {
  readonly version: string
  readonly digest?: string
  readonly ready?: 'True' | 'False' | 'Unknown'
  readonly reason?: string
  readonly stalled?: boolean
  readonly failures?: number
  /** Versions of the chart that were released, newest first; the version itself if nothing else is said. */
  readonly history?: readonly { readonly chartVersion: string; readonly status: string }[]
}

/** The HelmRelease of a cluster, as an agent mirrors it that has acknowledged everything. */
async function mirror(cluster: string, seen: Seen, spec: object = {}): Promise<void> {
  const { digest, failures, ready = 'True', reason = 'UpgradeSucceeded', stalled, version } = seen
  const history = seen.history ?? [{ chartVersion: version, status: 'deployed' }]
  const said = (type: string, status: string) => ({ type, status, reason, message: 'so it is', observedGeneration: 1 })
  const status = {
    observedGeneration: 1,
    conditions: [said('Ready', ready), ...(stalled ? [said('Stalled', 'True')] : [])],
    lastAttemptedRevision: version,
    ...(digest === undefined ? {} : { lastAttemptedRevisionDigest: digest }),
    lastAttemptedReleaseAction: 'upgrade',
    ...(failures === undefined ? {} : { failures }),
    history: history.map((one, at) => ({ ...one, name: 'apps', version: history.length - at })),
  }
  await query('update cluster_heads set acked = counter from clusters c where c.id = cluster_id and c.name = $1', [cluster])
  await query(
    `insert into objects (scope, grp, kind, namespace, name, version, uid, generation, created_at, spec, status)
     select id, 'helm.toolkit.fluxcd.io', 'HelmRelease', 'flux-system', 'apps', 'v2', 'uid', 1, now(), $2, $3 from clusters where name = $1
     on conflict (scope, grp, kind, namespace, name) do update set spec = excluded.spec, status = excluded.status`,
    [cluster, JSON.stringify(spec), JSON.stringify(status)],
  )
}

/** What the agents of all clusters say that they can. */
const tells = (capabilities: readonly string[]) =>
  query("update objects set status = $1 where scope = 'fleet' and kind = 'Cluster'", [JSON.stringify({ facts: { capabilities } })])

/** The agent of a cluster says how the release is doing that it made of the chart that it has from the hub. */
const say = (cluster: string, { bundle, health = 'Current', message = '' }: { bundle?: string; health?: string; message?: string } = {}) =>
  query(
    `insert into applied (cluster_id, grp, kind, namespace, name, uid, generation, bundle, health, message, flux_objects)
     select c.id, 'helm.toolkit.fluxcd.io', 'HelmRelease', 'flux-system', 'apps', 'uid', 1,
       coalesce($2, (select d.bundle from desired d where d.cluster_id = c.id and d.kind = 'HelmRelease')), $3, $4, '[]'
     from clusters c where c.name = $1
     on conflict (cluster_id, grp, kind, namespace, name) do update set bundle = excluded.bundle, health = excluded.health, message = excluded.message`,
    [cluster, bundle ?? null, health, message],
  )

/** Two clusters at an old revision of a chart, and a Rollout over it that sees the new one. */
async function started(kind: 'HelmChart' | 'OCIRepository', [old, next]: readonly [string, string], spec: object = {}): Promise<void> {
  await world.addClusters(['a', 'b'])
  await query("update sources set kind = $1, url = 'https://charts.example', options = $2", [
    kind,
    JSON.stringify({ chart: 'app', version: '1.x' }),
  ])
  await query('update source_objects set kind = $1', [kind])
  await query("update consumers set source_kind = $1, grp = 'helm.toolkit.fluxcd.io', kind = 'HelmRelease'", [kind])
  await world.moveTo(old)
  await query("update revisions set commit = '{}'")
  for (const cluster of ['a', 'b']) await mirror(cluster, seenAt(old))
  await world.create({ source: { kind, name: 'fleet' }, waves: TWO, ...spec })
  await rollouts.survey(FLEET)
  await world.moveTo(next)
  await query("update revisions set commit = '{}'")
  await rollouts.survey(FLEET)
}

/** A release of the chart that a revision names. */
function seenAt(revision: string): Seen {
  const [tag = '', digest] = revision.split('@')
  return digest === undefined ? { version: revision } : { version: `${tag}+${digest.slice(7, 19)}`, digest }
}

async function looked() {
  await rollouts.look(FLEET)
  const { problems, run } = await world.status()
  return { state: run?.state, waves: run?.waves?.map(({ state }) => state), message: run?.message, problems }
}

async function why(cluster: string): Promise<string | undefined> {
  const { rows } = await query('select id from clusters where name = $1', [cluster])
  const { id } = rows[0] as { id: string }
  const object = { kind: 'HelmRelease', namespace: 'flux-system', name: 'apps' }
  return (await rollouts.why({ clusterId: id, namespaces: undefined, object }))[0]?.sentence
}

const OLD_OCI = `1.0.0@sha256:${'a'.repeat(64)}`
const NEW_OCI = `1.1.0@sha256:${'b'.repeat(64)}`

test.each([
  ['HelmChart', '1.0.0', '1.1.0'],
  ['OCIRepository', OLD_OCI, NEW_OCI],
] as const)('a new version of a chart walks through the waves: %s', async (kind, old, next) => {
  await started(kind, [old, next])
  expect(await world.released()).toEqual({ a: next, b: old })
  expect(await looked()).toMatchObject({
    waves: ['progressing', 'waiting'],
    message: expect.stringContaining('has not come to the revision yet'),
  })
  expect(await why('a')).toContain(`${next} is on its way to its agent`)
  await mirror('a', {
    ...seenAt(next),
    ready: 'Unknown',
    reason: 'Progressing',
    history: [{ chartVersion: seenAt(old).version, status: 'deployed' }],
  })
  expect(await looked()).toMatchObject({ waves: ['progressing', 'waiting'] })
  expect(await why('a')).toContain(`${RELEASE} has not applied ${next}: Progressing`)
  await mirror('a', seenAt(next))
  expect(await looked()).toMatchObject({ waves: ['complete', 'progressing'] })
  expect(await why('a')).toBe(`a has ${next}, and ${RELEASE} is ready`)
  expect(await why('b')).toContain(`${next} is on its way to its agent`)
  await mirror('b', seenAt(next))
  expect(await looked()).toMatchObject({ state: 'succeeded' })
  const { run } = await world.status()
  expect([run?.revision, run?.author, run?.subject]).toEqual([next, undefined, undefined])
})

test('a release that fails in the canary is taken back, and the version reaches nobody else', async () => {
  await started('HelmChart', ['1.0.0', '1.1.0'], { onFailure: { action: 'rollback' } })
  const failed = [
    { chartVersion: '1.1.0', status: 'failed' },
    { chartVersion: '1.0.0', status: 'superseded' },
  ]
  await mirror('a', { version: '1.1.0', ready: 'False', reason: 'UpgradeFailed', failures: 1, history: failed })
  expect(await looked()).toMatchObject({
    state: 'rolling-back',
    problems: [{ cluster: 'a', object: RELEASE, reason: 'UpgradeFailed', message: 'so it is' }],
  })
  expect(await world.released()).toEqual({ a: '1.0.0', b: '1.0.0' })
  const { rows } = await query('select distinct revision from grants')
  expect(rows).toEqual([{ revision: '1.0.0' }])
  await mirror('a', { version: '1.0.0', history: [{ chartVersion: '1.0.0', status: 'deployed' }, ...failed] })
  expect(await looked()).toMatchObject({ state: 'rolled-back' })
  await rollouts.survey(FLEET)
  expect(await world.released()).toEqual({ a: '1.0.0', b: '1.0.0' })
})

test('a release that nobody waited for holds its wave until its agent says that all is well, and fails it where it does not', async () => {
  await started('HelmChart', ['1.0.0', '1.1.0'])
  await tells(['health', 'release-health'])
  await mirror('a', seenAt('1.1.0'))
  expect(await looked()).toMatchObject({ waves: ['progressing', 'waiting'], message: expect.stringContaining('nothing was reported yet') })
  await say('a', { bundle: 'sha256:an-earlier-one' })
  expect(await looked()).toMatchObject({ waves: ['progressing', 'waiting'] })
  await say('a', { health: 'InProgress', message: 'Deployment/web/app is InProgress' })
  expect(await looked()).toMatchObject({ waves: ['progressing', 'waiting'], message: expect.stringContaining('Deployment/web/app') })
  expect(await why('a')).toContain(`${RELEASE} is ready; Deployment/web/app is InProgress`)
  await say('a')
  expect(await looked()).toMatchObject({ waves: ['complete', 'progressing'] })
  await mirror('b', seenAt('1.1.0'))
  await say('b', { health: 'Failed', message: 'Deployment/web/app is Failed' })
  expect(await looked()).toMatchObject({
    state: 'stopped',
    problems: [{ cluster: 'b', object: RELEASE, reason: 'HealthCheckFailed', message: 'Deployment/web/app is Failed' }],
  })
})

test.each<[string, readonly string[], string]>([
  ['knows of the health of Kustomizations only', ['health'], 'Failed'],
  ['leaves its releases to somebody else', ['health', 'release-health'], 'NotAssessed'],
])('a release whose agent %s is judged by Ready', async (_name, capabilities, health) => {
  await started('HelmChart', ['1.0.0', '1.1.0'])
  await tells(capabilities)
  await say('a', { health, bundle: '' })
  await mirror('a', seenAt('1.1.0'))
  expect(await looked()).toMatchObject({ waves: ['complete', 'progressing'] })
})

const TAKEN_BACK = [
  { chartVersion: '1.0.0', status: 'deployed' },
  { chartVersion: '1.1.0', status: 'failed' },
  { chartVersion: '1.0.0', status: 'superseded' },
]

test('a release that its own strategy took back has failed, and is not at the version whatever its Ready says', async () => {
  await started('HelmChart', ['1.0.0', '1.1.0'])
  await mirror('a', { version: '1.1.0', history: TAKEN_BACK })
  expect(await looked()).toMatchObject({ waves: ['progressing', 'waiting'] })
  await mirror('a', { version: '1.1.0', ready: 'False', reason: 'RollbackSucceeded', failures: 1, history: TAKEN_BACK })
  expect(await looked()).toMatchObject({ state: 'stopped', problems: [{ object: RELEASE, reason: 'RollbackSucceeded' }] })
  expect(await world.released()).toEqual({ a: '1.1.0', b: '1.0.0' })
})

test('a release with tries left has failed when the second one failed too, or none is left', async () => {
  const spec = { upgrade: { remediation: { retries: 3 } } }
  await started('HelmChart', ['1.0.0', '1.1.0'])
  await mirror('a', { version: '1.1.0', ready: 'False', reason: 'UpgradeFailed', failures: 1, history: TAKEN_BACK }, spec)
  expect(await looked()).toMatchObject({ state: 'progressing', message: expect.stringContaining('trying again') })
  await mirror('a', { version: '1.1.0', ready: 'False', reason: 'UpgradeFailed', failures: 2, history: TAKEN_BACK }, spec)
  expect(await looked()).toMatchObject({ state: 'stopped' })
})

test('a release with no tries left has failed at once', async () => {
  const spec = { upgrade: { remediation: { retries: 3 } } }
  await started('HelmChart', ['1.0.0', '1.1.0'])
  await mirror('a', { version: '1.1.0', ready: 'False', reason: 'RetriesExceeded', stalled: true, failures: 1, history: TAKEN_BACK }, spec)
  expect(await looked()).toMatchObject({ state: 'stopped', problems: [{ reason: 'RetriesExceeded' }] })
})

test('what failed before says nothing of the version that mends it, and waiting is no failure', async () => {
  await started('HelmChart', ['1.0.0', '1.1.0'])
  const before = [{ chartVersion: '1.0.0', status: 'failed' }]
  await mirror('a', { version: '1.0.0', ready: 'False', reason: 'UpgradeFailed', failures: 4, stalled: true, history: before })
  expect(await looked()).toMatchObject({ state: 'progressing' })
  // An attempt begins with a word on what it is about, before anything is done.
  await mirror('a', { version: '1.1.0', ready: 'False', reason: 'UpgradeFailed', history: before })
  expect(await looked()).toMatchObject({ state: 'progressing' })
  for (const reason of ['SourceNotReady', 'DependencyNotReady', 'Progressing']) {
    await mirror('a', { version: '1.1.0', ready: 'False', reason, failures: 5, history: before })
    expect(await looked()).toMatchObject({ state: 'progressing' })
  }
  await mirror('a', { version: '1.1.0', history: [{ chartVersion: '1.1.0', status: 'deployed' }, ...before] })
  expect(await looked()).toMatchObject({ waves: ['complete', 'progressing'] })
})
