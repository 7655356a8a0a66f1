import { afterEach, beforeEach, expect, test } from 'vitest'
import { mirrorFold } from '../../hub/objects/io/mirror.ts'
import { createReportStore } from '../../hub/reports/io/store.ts'
import { createReportService, type ReportService } from '../../hub/reports/service.ts'
import type { RolloutService } from '../../hub/rollout/service.ts'
import { silentLog } from '../../proto/base/log.ts'
import type { ClusterId } from '../../proto/model/ids.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'
import { type AppliedReport, EMPTY_REPORT, type Report } from '../../proto/model/report.ts'
import type { Lane } from '../../proto/model/subjects.ts'
import { FLEET, openRolloutWorld, type RolloutWorld } from './rollout-world.ts'

// How a Rollout judges clusters by what their agents say of what was applied: rows of a real Postgres, reports as they are folded.

let world: RolloutWorld
let rollouts: RolloutService
let reports: ReportService
let sequence: bigint

const TWO = [
  { name: 'canary', max: 1 },
  { name: 'rest', rest: true },
]
const GROUP = 'kustomize.toolkit.fluxcd.io'
const APPS: ObjectRef = { group: GROUP, kind: 'Kustomization', namespace: 'flux-system', name: 'apps' }
const CHILD: ObjectRef = { ...APPS, name: 'child' }
const HELM = 'helm.toolkit.fluxcd.io'
const WEB: ObjectRef = { group: HELM, kind: 'HelmRelease', namespace: 'flux-system', name: 'web' }
const NEW = 'main@sha1:2'
const LATE = { health: 'InProgress', message: 'Deployment/web/app is InProgress: Available: 0/1' } as const
const FAILED = { health: 'Failed', message: 'Deployment/web/app is Failed: Progress deadline exceeded' } as const
const query = (text: string, values: readonly unknown[] = []) => world.database.db.query(text, values)

beforeEach(async () => {
  world = await openRolloutWorld()
  rollouts = world.service()
  reports = createReportService({
    store: createReportStore(world.database.db, mirrorFold),
    receiveCredential: async () => '',
    sourceOf: () => undefined,
    ownersOf: async () => new Map(),
    askResync: async () => undefined,
    log: silentLog,
  })
  sequence = 0n
})
afterEach(() => world[Symbol.asyncDispose]())

/** Two clusters that have revision 1, whose agents tell how what they apply is doing, and a Rollout that takes them as they are. */
async function started(capabilities: readonly string[] = ['health']): Promise<void> {
  await world.addClusters(['a', 'b'])
  await query("update objects set status = $1 where scope = 'fleet' and kind = 'Cluster'", [JSON.stringify({ facts: { capabilities } })])
  await world.moveTo('main@sha1:1')
  await world.follow()
  await world.create({ waves: TWO, onFailure: { action: 'stop' } })
  await rollouts.survey(FLEET)
  await world.moveTo(NEW)
  await rollouts.survey(FLEET)
}

async function fold(cluster: string, lane: Lane, content: Partial<Report>): Promise<void> {
  const { rows } = await query('select id from clusters where name = $1', [cluster])
  const clusterId = (rows[0] as { id: ClusterId }).id
  await reports.fold([{ clusterId, lane, report: { ...EMPTY_REPORT, boot: 1n, sequence: ++sequence, ...content } }])
}

/** Its agent says what `apps` applied, which is by default what the hub gave it last. */
async function say(cluster: string, over: Partial<AppliedReport> = {}): Promise<void> {
  const { rows } = await query('select d.bundle from desired d join clusters c on c.id = d.cluster_id where c.name = $1', [cluster])
  const { bundle } = rows[0] as { bundle: string }
  const word: AppliedReport = { object: APPS, uid: 'uid', generation: 1, bundle, health: 'Current', message: '', fluxObjects: [] }
  await fold(cluster, 'status', { applied: [{ ...word, ...over }] })
}

/** The HelmRelease `web`, whose upgrade failed. */
async function mirrorRelease(generation: number, observed: number): Promise<void> {
  const ready = { type: 'Ready', status: 'False', reason: 'UpgradeFailed', message: 'so it is', observedGeneration: observed }
  const spec = { interval: '10m', chartRef: { kind: 'OCIRepository', name: 'web' } }
  await mirrorObject('helm.toolkit.fluxcd.io/v2', WEB, { uid: 'web', generation, spec, status: { conditions: [ready], failures: 1 } })
}

async function looked() {
  await rollouts.look(FLEET)
  const { problems, run } = await world.status()
  return { state: run?.state, waves: run?.waves?.map(({ state }) => state), message: run?.message, problems }
}

async function why(cluster: string): Promise<readonly string[]> {
  const { rows } = await query('select id from clusters where name = $1', [cluster])
  const { id } = rows[0] as { id: string }
  return (await rollouts.why({ clusterId: id, namespaces: undefined })).map(({ sentence }) => sentence)
}

/** The Kustomization `child` of another source, as it stands in cluster `a`. */
async function mirrorChild(generation: number, observed: number, uid = 'child'): Promise<void> {
  const ready = { type: 'Ready', status: 'True', reason: 'ReconciliationSucceeded', message: 'ok', observedGeneration: observed }
  const spec = { interval: '10m', path: './child', prune: true, sourceRef: { kind: 'GitRepository', name: 'other' } }
  await mirrorObject(`${GROUP}/v1`, CHILD, { uid, generation, spec, status: { observedGeneration: observed, conditions: [ready] } })
}

async function mirrorObject(
  apiVersion: string,
  { kind, name, namespace }: ObjectRef,
  { generation, spec, status, uid }: { readonly uid: string; readonly generation: number; readonly spec: object; readonly status: object },
): Promise<void> {
  const metadata = { name, namespace, uid, generation, creationTimestamp: '2026-01-01T00:00:00Z' }
  const manifest: Manifest = { apiVersion, kind, metadata, spec, status }
  const resourceVersion = String(sequence + 1n)
  const ref = refOf(manifest)
  const seen = { ref, uid, generation, resourceVersion, manifest, sealedCredential: undefined, credentialProblem: undefined }
  await fold('a', 'objects', { objects: [seen] })
}

test('a cluster that is Ready is healthy once its agent says so of the attempt, and the next wave waits for that', async () => {
  await started()
  await world.follow()
  expect(await looked()).toMatchObject({ waves: ['progressing', 'waiting'], message: expect.stringContaining('nothing was reported yet') })
  await say('a', { bundle: 'sha256:an-earlier-one' })
  expect(await looked()).toMatchObject({ waves: ['progressing', 'waiting'] })
  await say('a', { generation: 2 })
  expect(await looked()).toMatchObject({ waves: ['progressing', 'waiting'] })
  await say('a', LATE)
  expect(await looked()).toMatchObject({ waves: ['progressing', 'waiting'], message: expect.stringContaining(LATE.message) })
  await say('a')
  expect(await looked()).toMatchObject({ waves: ['complete', 'progressing'] })
  await world.follow()
  await say('b')
  expect(await looked()).toMatchObject({ state: 'succeeded' })
})

test('what fails without `wait` fails the cluster at once, and status and why name the object and the reason', async () => {
  await started()
  await world.follow()
  await say('a', LATE)
  expect(await looked()).toMatchObject({ state: 'progressing' })
  expect(await why('a')).toEqual([`a: Kustomization/flux-system/apps is ready; ${LATE.message}`])
  await say('a', FAILED)
  expect(await looked()).toMatchObject({
    state: 'stopped',
    problems: [{ cluster: 'a', object: 'Kustomization/flux-system/apps', reason: 'HealthCheckFailed', message: FAILED.message }],
  })
  expect(await why('a')).toEqual([`a: Kustomization/flux-system/apps is ready; ${FAILED.message}`])
  expect((await world.released()).b).toBe('main@sha1:1')
})

test('a failure of what was applied before says nothing of the revision', async () => {
  await started()
  await say('a', { ...FAILED, bundle: 'sha256:an-earlier-one' })
  await world.follow()
  expect(await looked()).toMatchObject({ state: 'progressing' })
  await say('a', { ...FAILED, uid: 'of-an-earlier-object' })
  expect(await looked()).toMatchObject({ state: 'progressing' })
  await say('a')
  expect(await looked()).toMatchObject({ waves: ['complete', 'progressing'] })
})

test('a cluster that was healthy and is not any more is waited for again', async () => {
  await started()
  await world.follow()
  await say('a')
  await rollouts.look(FLEET)
  await world.follow()
  await say('b', LATE)
  expect(await looked()).toMatchObject({ waves: ['complete', 'progressing'] })
  await say('a', LATE)
  await say('b')
  expect(await looked()).toMatchObject({ state: 'progressing' })
  await say('a')
  expect(await looked()).toMatchObject({ state: 'succeeded' })
})

test.each<[string, readonly string[], Partial<AppliedReport>]>([
  ['does not know of health', ['placements'], FAILED],
  ['only looks on', ['health'], { health: 'NotAssessed', bundle: '', generation: 0 }],
])('a cluster whose agent %s is judged by Ready', async (_name, capabilities, word) => {
  await started(capabilities)
  await say('a', word)
  await world.follow()
  expect(await looked()).toMatchObject({ waves: ['complete', 'progressing'] })
})

// An agent's words go in two lanes. That a parent is done can be known before how the child is that it changed.
test('a parent is not settled before the child that it changed is reported as the attempt left it, whichever comes first', async () => {
  await started()
  await mirrorChild(1, 1)
  await say('a', { object: CHILD, uid: 'child', bundle: 'child' })
  await world.follow()
  const entries = [{ id: `flux-system_child_${GROUP}_Kustomization`, v: 'v1' }]
  await query(`update objects set status = status || $1 where name = 'apps'`, [JSON.stringify({ inventory: { entries } })])
  await say('a', { fluxObjects: [{ ref: CHILD, uid: 'child', generation: 2 }] })
  expect(await looked()).toMatchObject({
    waves: ['progressing', 'waiting'],
    message: expect.stringContaining(
      'Kustomization/flux-system/apps changed Kustomization/flux-system/child, which was not reported since',
    ),
  })
  await mirrorChild(2, 1)
  expect(await looked()).toMatchObject({ waves: ['progressing', 'waiting'] })
  await mirrorChild(2, 2)
  expect(await looked()).toMatchObject({ waves: ['progressing', 'waiting'], message: expect.stringContaining('nothing was reported yet') })
  await say('a', { object: CHILD, uid: 'child', generation: 2, bundle: 'child' })
  expect(await looked()).toMatchObject({ waves: ['complete', 'progressing'] })
})

test('a child that was made anew is not mistaken for the one that it replaced', async () => {
  await started()
  await mirrorChild(5, 5)
  await say('a', { object: CHILD, uid: 'child', generation: 5, bundle: 'child' })
  await world.follow()
  await say('a', { fluxObjects: [{ ref: CHILD, uid: 'child-anew', generation: 1 }] })
  expect(await looked()).toMatchObject({ waves: ['progressing', 'waiting'], message: expect.stringContaining('was not reported since') })
  await mirrorChild(1, 1, 'child-anew')
  await say('a', { object: CHILD, uid: 'child-anew', bundle: 'child' })
  expect(await looked()).toMatchObject({ waves: ['complete', 'progressing'] })
})

test('a release in the inventory that the revision changed fails the cluster at once; one that was broken before only is waited for', async () => {
  await started()
  await mirrorRelease(1, 1)
  const entries = [{ id: `flux-system_web_${HELM}_HelmRelease`, v: 'v2' }]
  await say('a', { bundle: 'sha256:before', fluxObjects: [{ ref: WEB, uid: 'web', generation: 1 }] })
  await world.follow()
  await query(`update objects set status = status || $1 where name = 'apps'`, [JSON.stringify({ inventory: { entries } })])
  await say('a', { fluxObjects: [{ ref: WEB, uid: 'web', generation: 1 }] })
  expect(await looked()).toMatchObject({ state: 'progressing', message: expect.stringContaining('so it is') })
  await mirrorRelease(2, 2)
  await say('a', { fluxObjects: [{ ref: WEB, uid: 'web', generation: 2 }] })
  expect(await looked()).toMatchObject({ state: 'stopped', problems: [{ object: 'HelmRelease/flux-system/web', reason: 'UpgradeFailed' }] })
})

test('a suspended consumer is left out, whatever was last said of it', async () => {
  await started()
  await say('a', FAILED)
  await world.follow()
  await query(`update consumers set suspended = true`)
  expect(await looked()).toMatchObject({ waves: ['complete', 'progressing'] })
})
