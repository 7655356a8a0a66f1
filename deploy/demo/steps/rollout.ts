import { join } from 'node:path'
import { FleetError } from '../../../proto/base/errors.ts'
import { within } from '../../../proto/base/signals.ts'
import type { RolloutStatus, RunState } from '../../../proto/model/fleet/rollout-status.ts'
import { commandLine } from '../format.ts'
import { CLUSTERS } from '../model.ts'
import { nowMs } from '../screen.ts'
import type { Stage } from '../stage.ts'
import type { Step } from '../step.ts'
import type { ClusterView } from '../view/cluster-view.ts'
import { openRolloutView, type RolloutView } from '../view/rollout-view.ts'
import { imageEverywhere, releaseVersion } from './arrival.ts'

/** As `rollout.yaml` names it. */
const NAME = 'shop'
const FILE = join(import.meta.dirname, '../rollout.yaml')
const GOOD = '1.7.0'
const BAD = '2.0.0'
const FIRST = 'staging'
const PART_MS = 90_000
/** How long the viewer is waited for. */
const PATIENCE_MS = 600_000

/** Commits walk in waves; a bad one comes back by itself. */
export const rollout: Step = {
  title: 'Rollout',
  says: 'From now on commits walk: staging, one production cluster once somebody approves, the rest. A bad one comes back by itself.',
  deadlineMs: PATIENCE_MS + 4 * PART_MS,
  async run(stage, signal) {
    const { kubeconfig } = stage.places
    await using view = await openRolloutView({ kubeconfig, namespace: 'flux-system', name: NAME, news: (text) => stage.screen.told(text) })
    await stage.flotilla(['apply', '--filename', FILE], { signal })
    const standing = 'the Rollout takes the clusters as they are'
    stage.screen.told(standing, await view.when(standing, isStanding, soon(signal)))
    await goodCommit(stage, view, signal)
    const ms = await badCommit(stage, view, signal)
    await stage.flotilla(['rollout', 'history', NAME], { signal })
    return { seen: `web ${GOOD} through all waves; ${BAD} failed in ${FIRST}: pushed → taken back`, ms }
  },
}

/** A good version walks through all waves. */
async function goodCommit(stage: Stage, view: RolloutView, signal: AbortSignal): Promise<void> {
  const revision = await releaseVersion(stage, 'web', { tag: GOOD, signal })
  const walk = async () => {
    await view.when('the run waits for approval', runIs('pending', revision), soon(signal))
    await stage.flotilla(['rollout', 'status', NAME], { signal })
    await approve(stage, view, signal)
    await view.when('the run has gone through all waves', runIs('succeeded', revision), soon(signal))
  }
  await Promise.all([walk(), imageEverywhere(stage, 'web', { tag: GOOD, signal })])
}

/** Has the viewer approve, where there is one. */
async function approve(stage: Stage, view: RolloutView, signal: AbortSignal): Promise<void> {
  const { screen, viewer } = stage
  const command = ['rollout', 'approve', NAME, '--reason', `looks good in ${FIRST}`]
  if (viewer.isThere) {
    screen.ask(`Your turn. Enter approves it, as does this in another terminal: ${commandLine(['npx', 'flotilla', ...command])}`)
    const answered = new AbortController()
    const patience = within(PATIENCE_MS, signal, answered.signal)
    const elsewhere = view.when('somebody approves', ({ run }) => run?.state !== 'pending', patience).catch(() => undefined)
    await Promise.race([viewer.enter(patience), elsewhere])
    answered.abort()
    signal.throwIfAborted()
  } else screen.told('nobody is here to approve: the demo does it')
  if (view.status().run?.state === 'pending') await stage.flotilla(command, { signal })
}

/** A version that never gets ready is taken back; returns how long it took from the push. */
async function badCommit(stage: Stage, view: RolloutView, signal: AbortSignal): Promise<number> {
  const remark = 'its Pods never get ready, which Kubernetes says after 3 s'
  const revision = await releaseVersion(stage, 'web', { tag: BAD, signal, change: neverReady, remark })
  const pushedAt = nowMs()
  const others = CLUSTERS.filter((name) => name !== FIRST)
  const over = new AbortController()
  const strays = others.map(async (name) => {
    await stage.cluster(name).when(`web has version ${BAD}`, hasVersion(stage.cluster(name), BAD), over.signal)
    throw new FleetError('internal', `${name} was given web ${BAD}, although it failed in ${FIRST}`)
  })
  try {
    const [backAt] = await Promise.race([
      Promise.all([
        thereAndBack(stage, soon(signal)),
        view.when('the run has taken its revision back', runIs('rolled-back', revision), soon(signal)),
      ]),
      ...strays,
    ])
    stage.screen.told(`${others.join(' and ')} never had ${BAD}`)
    return backAt - pushedAt
  } finally {
    over.abort()
  }
}

/** Tells how the bad version comes and goes; returns when it was gone. */
async function thereAndBack(stage: Stage, signal: AbortSignal): Promise<number> {
  const cluster = stage.cluster(FIRST)
  const tell = (text: string, atMs: number) => stage.screen.told(`${FIRST}: ${text}`, atMs)
  tell(`web has version ${BAD}`, await cluster.when(`web has version ${BAD}`, hasVersion(cluster, BAD), signal))
  let says = ''
  const hasFailed = () => {
    const ready = cluster.kustomization('flux-system', 'web')?.ready
    if (ready?.reason !== 'HealthCheckFailed') return false
    says = `Ready=False ${ready.reason}: ${ready.message}`
    return true
  }
  const failedAt = await cluster.when('the health check of web fails', hasFailed, signal)
  tell(says, failedAt)
  const backAt = await cluster.when(`web has version ${GOOD} again`, hasVersion(cluster, GOOD), signal)
  tell(`web has version ${GOOD} again`, backAt)
  return backAt
}

/** kwok, which plays the nodes' part, leaves Pods with that label pending. */
function neverReady(yaml: string): string {
  return yaml
    .replace('\nspec:\n', '\nspec:\n  progressDeadlineSeconds: 3\n')
    .replace('        app: web\n    spec:\n', '        app: web\n        local.flotilla.dev/pod: never-ready\n    spec:\n')
}

const soon = (signal: AbortSignal) => within(PART_MS, signal)
const hasVersion = (cluster: ClusterView, tag: string) => () => cluster.deployment('web')?.image.endsWith(`:${tag}`) === true
const isStanding = ({ conditions = [] }: RolloutStatus) => conditions.some(({ reason }) => reason === 'UpToDate')
const runIs =
  (state: RunState, revision: string) =>
  ({ run }: RolloutStatus) =>
    run?.revision === revision && run.state === state
