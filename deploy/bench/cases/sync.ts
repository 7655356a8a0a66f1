import { within } from '../../../proto/base/signals.ts'
import { type Condition, findCondition } from '../../../proto/model/condition.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { PLATFORM_NAMESPACE, REQUESTED_AT } from '../../../proto/model/names.ts'
import { appFiles, appName, configMapFile, gitRepository, kustomization } from '../bed/workload.ts'
import { memoryOf } from '../measure/processes.ts'
import { describeRequests, totalOf } from '../measure/requests.ts'
import { eachAtOnce, later, median, nowMs } from '../measure/timing.ts'
import type { Usage } from '../measure/usage.ts'
import type { Bench } from './bench.ts'

/** Reconciles again this often; so short that what an untouched object costs shows. */
const INTERVAL = '1m'
const AT_ONCE = 8
const MIB = 1 << 20

/** N Kustomizations come and become Ready; then commits that each change one object of one of them. */
export async function sync(bench: Bench): Promise<void> {
  await firstSync(bench)
  await commits(bench)
}

async function firstSync(bench: Bench): Promise<void> {
  const { n, world, figures, signal } = bench
  const names = Array.from({ length: n }, (_, index) => appName(index))
  const files = Object.assign({}, ...names.map((name) => appFiles(name, 'first'))) as Record<string, string>
  const revision = await world.repository.commit(files)
  await world.repository.push()
  const objects = [gitRepository(world.repository.url, INTERVAL), ...names.map((name) => kustomization(name, INTERVAL))]
  const soon = within(600_000, signal)
  const { value, usage, requests, hubPrograms } = await bench.measured('sync', async () => {
    const began = nowMs()
    const done = later(bench.kustomizations.until(n, isAt(revision), soon))
    await eachAtOnce(objects, AT_ONCE, (object) => world.admin.own.apply(object, { fieldManager: 'bench', force: true, signal }))
    const applied = nowMs()
    return { began, applied, ready: await done }
  })
  figures.add({ figure: 'sync.applied', n, value: seconds(value.applied - value.began), unit: 's' })
  figures.add({
    figure: 'sync.ready',
    n,
    value: seconds(value.ready.all - value.began),
    unit: 's',
    detail: `half after ${seconds(value.ready.half - value.began).toFixed(2)} s`,
  })
  figures.add({ figure: 'sync.requests', n, value: totalOf(requests) / n, unit: 'requests each', detail: describeRequests(requests) })
  addUsage(bench, 'sync', { usage, hubPrograms })
  addMemory(bench, 'sync')
}

/** One commit a try: to the first, to the last, and to directories between them. */
async function commits(bench: Bench): Promise<void> {
  const { n, options, figures } = bench
  const tries: Commit[] = []
  for (let at = 0; at < options.tries; at++) {
    const index = options.tries === 1 ? 0 : Math.round((at * (n - 1)) / (options.tries - 1))
    tries.push(await commit(bench, { name: appName(index), value: `commit-${at}`, at }))
  }
  const add = (figure: string, of: (one: Commit) => number, unit: 's' | 'CPU s' | 'requests', detail?: string) => {
    const values = tries.map(of)
    figures.add({ figure, n, value: median(values), worst: Math.max(...values), unit, ...(detail ? { detail } : {}) })
  }
  add('commit.push', (one) => one.push, 's')
  add('commit.changed', (one) => one.changed, 's')
  add('commit.half', (one) => one.half, 's')
  add('commit.all', (one) => one.all, 's')
  add('commit.cpu', ({ usage }) => usage.hub + usage.agent, 'CPU s')
  add('commit.cpu.hub', ({ usage }) => usage.hub, 'CPU s', tries.map((one) => one.hubPrograms).join('; '))
  add('commit.cpu.agent', ({ usage }) => usage.agent, 'CPU s')
  add('commit.cpu.api', ({ usage }) => usage.apiServer, 'CPU s')
  add('commit.cpu.etcd', ({ usage }) => usage.etcd, 'CPU s')
  add('commit.requests', ({ requests }) => requests, 'requests')
  addMemory(bench, 'commit')
}

interface Commit {
  readonly push: number
  readonly changed: number
  readonly half: number
  readonly all: number
  readonly usage: Usage
  readonly hubPrograms: string
  readonly requests: number
}

/** Times run from the moment when the push has returned; the annotation that a webhook would bring about follows at once. */
async function commit(bench: Bench, o: { readonly name: string; readonly value: string; readonly at: number }): Promise<Commit> {
  const { n, world, signal } = bench
  const revision = await world.repository.commit(configMapFile(o.name, o.value))
  const soon = within(180_000, signal)
  const { value, usage, requests, hubPrograms } = await bench.measured(`commit-${o.at}`, async () => {
    const began = nowMs()
    await world.repository.push()
    const pushed = nowMs()
    const changed = later(bench.configMaps.until(1, ({ metadata, data }) => metadata.name === o.name && valueIn(data) === o.value, soon))
    const all = later(bench.kustomizations.until(n, isAt(revision), soon))
    await requestReconcile(bench)
    return { began, pushed, changed: (await changed).all, reached: await all }
  })
  const after = (at: number) => seconds(at - value.pushed)
  return {
    push: seconds(value.pushed - value.began),
    changed: after(value.changed),
    half: after(value.reached.half),
    all: after(value.reached.all),
    ...{ usage, hubPrograms },
    requests: totalOf(requests),
  }
}

/** Has the source looked at now, as a webhook would. */
export async function requestReconcile({ world, signal }: Bench): Promise<void> {
  const { apiVersion, kind, metadata } = gitRepository('', INTERVAL)
  const body = { metadata: { annotations: { [REQUESTED_AT]: new Date().toISOString() } } }
  await world.admin.own.patch(
    { apiVersion, kind, name: metadata.name, namespace: PLATFORM_NAMESPACE },
    { type: 'merge', body, fieldManager: 'bench', signal },
  )
}

function isAt(revision: string): (object: Manifest) => boolean {
  return ({ status }) => {
    const { lastAppliedRevision, conditions = [] } = (status ?? {}) as { lastAppliedRevision?: string; conditions?: readonly Condition[] }
    return lastAppliedRevision === revision && findCondition(conditions, 'Ready')?.status === 'True'
  }
}

/** CPU seconds of each program as figures of their own. */
export function addUsage({ n, figures }: Bench, name: string, { usage, hubPrograms }: Pick<Commit, 'usage' | 'hubPrograms'>): void {
  for (const [program, value] of Object.entries(usage))
    figures.add({ figure: `${name}.cpu.${program}`, n, value, unit: 'CPU s', ...(program === 'hub' ? { detail: hubPrograms } : {}) })
}

/** Resident memory of hub and agent at this moment. */
export function addMemory({ n, world, figures }: Bench, name: string): void {
  const pids = world.pids()
  for (const program of ['agent', 'hub'] as const) {
    const { rss, peak, tree } = memoryOf(pids[program])
    const detail = `peak ${Math.round(peak / MIB)} MiB, with its children ${Math.round(tree / MIB)} MiB`
    figures.add({ figure: `${name}.memory.${program}`, n, value: Math.round(rss / MIB), unit: 'MiB', detail })
  }
}

const seconds = (ms: number) => ms / 1000
const valueIn = (data: unknown) => (data as { value?: string } | undefined)?.value
