import { systemClock } from '../../../proto/base/clock.ts'
import { anyOf, within } from '../../../proto/base/signals.ts'
import { type Condition, findCondition } from '../../../proto/model/condition.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { HELM_GROUP, PLATFORM_NAMESPACE } from '../../../proto/model/names.ts'
import { chartFiles, helmRelease } from '../bed/chart.ts'
import { type Follower, follow } from '../bed/follow.ts'
import { appName, gitRepository } from '../bed/workload.ts'
import { keepLogs } from '../bed/world.ts'
import { childSeconds, memoryOf } from '../measure/processes.ts'
import { describeRequests, totalOf } from '../measure/requests.ts'
import { eachAtOnce, later, median, nowMs } from '../measure/timing.ts'
import type { Measured } from '../measure/window.ts'
import type { Bench } from './bench.ts'
import { openBench } from './cluster.ts'
import { addMemory, addUsage, requestReconcile } from './sync.ts'

const INTERVAL = '1m'
const AT_ONCE = 8
const IDLE_MS = 60_000
const SETTLE_MS = 10_000
const LOOK_MS = 250
const PATIENCE_MS = 900_000
const MIB = 1 << 20
const FIRST = '1.0.0'
const NEXT = '1.1.0'

interface Charts {
  readonly bench: Bench
  readonly releases: Follower
}

/** N HelmReleases of one small chart on one real cluster: installed, one with another value, all at the next version; then nothing. */
export async function helm(n: number, o: Pick<Bench, 'options' | 'figures' | 'signal'>): Promise<void> {
  await using scope = new AsyncDisposableStack()
  const bench = await openBench(n, o, scope)
  const { world, options } = bench
  scope.defer(() => keepLogs(world, options, `helm-${n}`))
  const of = { apiVersion: `${HELM_GROUP}/v2`, kind: 'HelmRelease', namespace: PLATFORM_NAMESPACE }
  const releases = scope.use(await follow(world.admin.own, of))
  addMemory(bench, 'helm.before')
  await install({ bench, releases })
  await values({ bench, releases })
  await upgrade({ bench, releases })
  await idle(bench)
}

async function install({ bench, releases }: Charts): Promise<void> {
  const { n, world, figures, signal } = bench
  await world.repository.commit(chartFiles(FIRST))
  await world.repository.push()
  const names = Array.from({ length: n }, (_, index) => appName(index))
  const objects = [
    gitRepository(world.repository.url, INTERVAL),
    ...names.map((name) => helmRelease(name, { interval: INTERVAL, value: 'first' })),
  ]
  await costly(bench, 'helm.install', async () => {
    const began = nowMs()
    const done = later(releases.until(n, isAt({ chartVersion: FIRST, version: 1 }), patience(signal)))
    await eachAtOnce(objects, AT_ONCE, (object) => world.admin.own.apply(object, { fieldManager: 'bench', force: true, signal }))
    figures.add({ figure: 'helm.applied', n, value: (nowMs() - began) / 1000, unit: 's' })
    const { all, half } = await done
    return { all: all - began, half: half - began }
  })
}

/** One release a try gets another value. */
async function values({ bench, releases }: Charts): Promise<void> {
  const { n, world, options, figures, signal } = bench
  const tries: { readonly seconds: number; readonly requests: string; readonly total: number; readonly cpu: number }[] = []
  for (let at = 0; at < options.tries; at++) {
    const name = appName(Math.floor((at * n) / options.tries))
    const { value, usage, requests } = await bench.measured(`helm.values-${at}`, async () => {
      const began = nowMs()
      const is = isAt({ chartVersion: FIRST, version: 2 })
      const done = later(releases.until(1, (object) => object.metadata.name === name && is(object), patience(signal)))
      const { apiVersion, kind, metadata } = helmRelease(name, { interval: INTERVAL, value: '' })
      const place = { apiVersion, kind, name, namespace: metadata.namespace ?? '' }
      const body = { spec: { values: { value: `value-${at}` } } }
      await world.admin.own.patch(place, { type: 'merge', body, fieldManager: 'bench', signal })
      return ((await done).all - began) / 1000
    })
    tries.push({ seconds: value, requests: describeRequests(requests), total: totalOf(requests), cpu: usage.hub + usage.agent })
  }
  const add = (figure: string, of: readonly number[], unit: 's' | 'CPU s' | 'requests', detail = '') =>
    figures.add({ figure, n, value: median(of), worst: Math.max(...of), unit, ...(detail ? { detail } : {}) })
  add(
    'helm.values',
    tries.map(({ seconds }) => seconds),
    's',
  )
  add(
    'helm.values.cpu',
    tries.map(({ cpu }) => cpu),
    'CPU s',
  )
  add(
    'helm.values.requests',
    tries.map(({ total }) => total),
    'requests',
    tries.at(-1)?.requests,
  )
}

async function upgrade({ bench, releases }: Charts): Promise<void> {
  const { n, world, signal } = bench
  await world.repository.commit(chartFiles(NEXT))
  await costly(bench, 'helm.upgrade', async () => {
    await world.repository.push()
    const began = nowMs()
    const done = later(releases.until(n, isAt({ chartVersion: NEXT }), patience(signal)))
    await requestReconcile(bench)
    const { all, half } = await done
    return { all: all - began, half: half - began }
  })
}

async function idle(bench: Bench): Promise<void> {
  const { n, figures, signal } = bench
  await systemClock.sleep(SETTLE_MS, signal)
  const cost = await bench.measured('helm.idle', () => systemClock.sleep(IDLE_MS, signal), 0)
  const detail = describeRequests(cost.requests)
  figures.add({ figure: 'helm.idle.requests', n, value: totalOf(cost.requests), unit: 'requests', detail })
  figures.add({ figure: 'helm.idle.cpu', n, value: cost.usage.hub + cost.usage.agent, unit: 'CPU s' })
  addUsage(bench, 'helm.idle', cost)
  addMemory(bench, 'helm.idle')
}

/** What all releases at once cost: time, CPU, requests, and the most memory that the agent and its helm programs had together. */
async function costly(bench: Bench, name: string, work: () => Promise<{ readonly all: number; readonly half: number }>): Promise<void> {
  const { n, figures } = bench
  const { agent } = bench.world.pids()
  const before = childSeconds(agent)
  await using peak = watchMemory(agent, bench.signal)
  const measured: Measured<{ readonly all: number; readonly half: number }> = await bench.measured(name, work)
  const { requests, value } = measured
  figures.add({ figure: name, n, value: value.all / 1000, unit: 's', detail: `half after ${(value.half / 1000).toFixed(2)} s` })
  figures.add({ figure: `${name}.requests`, n, value: totalOf(requests) / n, unit: 'requests each', detail: describeRequests(requests) })
  addUsage(bench, name, measured)
  figures.add({ figure: `${name}.cpu.programs`, n, value: childSeconds(agent) - before, unit: 'CPU s' })
  figures.add({ figure: `${name}.memory.peak`, n, value: Math.round(peak.bytes() / MIB), unit: 'MiB' })
  addMemory(bench, name)
}

/** Looks again and again how much a process and its children have. */
function watchMemory(pid: number, signal: AbortSignal): AsyncDisposable & { bytes(): number } {
  const stop = new AbortController()
  let most = 0
  const either = anyOf(signal, stop.signal)
  const run = async () => {
    while (!either.aborted) {
      most = Math.max(most, memoryOf(pid).tree)
      await systemClock.sleep(LOOK_MS, either).catch(() => undefined)
    }
  }
  const running = run()
  return {
    bytes: () => most,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}

/** Whether a HelmRelease is Ready with its newest release of that chart version, and of that version of its own. */
function isAt({ chartVersion, version }: { readonly chartVersion: string; readonly version?: number }): (object: Manifest) => boolean {
  return ({ metadata, status }) => {
    const { conditions = [], history = [], observedGeneration } = (status ?? {}) as HelmReleaseStatus
    const newest = history.toSorted((a, b) => b.version - a.version)[0]
    const isNewest = newest?.chartVersion === chartVersion && (version === undefined || newest.version === version)
    return isNewest && observedGeneration === metadata.generation && findCondition(conditions, 'Ready')?.status === 'True'
  }
}

interface HelmReleaseStatus {
  readonly conditions?: readonly Condition[]
  readonly observedGeneration?: number
  readonly history?: readonly { readonly version: number; readonly chartVersion: string }[]
}

const patience = (signal: AbortSignal) => within(PATIENCE_MS, signal)
