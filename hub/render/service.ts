import type { Clock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import { sha256 } from '../../proto/base/hash.ts'
import type { Log } from '../../proto/base/log.ts'
import type { TreeReader } from '../../proto/kustomize/tree.ts'
import type { Built, Wanted } from './model.ts'
import type { Build, Layers, NewBuild, PackChart, PackedChart, RenderStore, Trees, UsedBuild } from './ports.ts'
import { renderProblem } from './problem.ts'
import { encodeReads, readsDigest, stillValid } from './reads.ts'

export interface RenderOptions {
  readonly signal: AbortSignal
  /** Told of results as they come, in batches, each after it is stored; never two batches at a time. */
  readonly onBuilt: (batch: readonly Built[]) => Promise<void>
}

/** Builds an artifact with each of the options, or finds the build in what is stored. */
export type Render = (artifact: string, wanted: readonly Wanted[], options: RenderOptions) => Promise<void>

export interface RenderDeps {
  readonly store: RenderStore
  readonly trees: Trees
  readonly layers: Layers
  readonly build: Build
  readonly packChart: PackChart
  readonly clock: Clock
  readonly log: Log
  /** Builds asked for at a time; how many run is the builder's matter. */
  readonly concurrency?: number
}

const BATCH_PAUSE_MS = 100

export function createRender(deps: RenderDeps): Render {
  return async (artifact, wanted, { signal, onBuilt }) => {
    const tree = await deps.trees.open(artifact, signal)
    if (!tree) throw new FleetError('not-found', `build ${artifact}: its tree is not stored; the source has to be fetched again`)
    const views = await viewsOf(deps.layers, tree, { wanted, signal })
    const { found, missing } = await findKnown(deps.store, views, wanted)
    if (found.length > 0) await onBuilt(found)
    if (missing.length === 0) return
    const batches = createBatches(deps, onBuilt)
    await forEach(missing, deps.concurrency ?? 4, async (one) => {
      signal.throwIfAborted()
      batches.add(await buildOne(deps, views, { wanted: one, signal }))
    })
    await batches.finish()
    deps.log.info({ event: 'render.built', digest: artifact, count: missing.length }, 'kustomizations built')
  }
}

/** What charts and what kustomizations are made of: of a layer that is kept as it is, the latter are made of what is in it. */
interface Views {
  readonly chart: TreeReader
  readonly kustomization: TreeReader | { readonly problem: string }
}

async function viewsOf(
  layers: Layers,
  tree: TreeReader,
  { signal, wanted }: { readonly wanted: readonly Wanted[]; readonly signal: AbortSignal },
): Promise<Views> {
  const isBuilt = wanted.some(({ options }) => !('chart' in options))
  return { chart: tree, kustomization: isBuilt ? await layers.unpacked(tree, signal) : tree }
}

function viewFor({ options }: Wanted, { chart, kustomization }: Views): Views['kustomization'] {
  return 'chart' in options ? chart : kustomization
}

async function findKnown(store: RenderStore, views: Views, wanted: readonly Wanted[]) {
  const known = await store.known(wanted.map(({ optionsDigest }) => optionsDigest))
  const used: UsedBuild[] = []
  const found: Built[] = []
  const missing: Wanted[] = []
  for (const one of wanted) {
    const tree = viewFor(one, views)
    const valid = 'problem' in tree ? undefined : known.get(one.optionsDigest)?.find(({ reads }) => stillValid(reads, tree))
    if (!valid) {
      missing.push(one)
      continue
    }
    found.push(valid.built)
    const bundle = 'bundle' in valid.built ? valid.built.bundle : undefined
    used.push({ optionsDigest: one.optionsDigest, readsDigest: valid.readsDigest, bundle })
  }
  if (used.length > 0) await store.touch(used)
  return { found, missing }
}

interface Finished {
  readonly built: Built
  /** Absent where the result says nothing about the next attempt. */
  readonly keep?: NewBuild
}

async function buildOne(
  { build, packChart }: RenderDeps,
  views: Views,
  { wanted, signal }: { wanted: Wanted; signal: AbortSignal },
): Promise<Finished> {
  const { optionsDigest, options } = wanted
  const tree = viewFor(wanted, views)
  if ('problem' in tree) return { built: { optionsDigest, problem: { reason: 'ArtifactFailed', message: tree.problem } } }
  if ('chart' in options) return packed(optionsDigest, await packChart(tree, signal))
  const result = await build(tree, options, signal)
  if (result.kind === 'failed')
    return { built: { optionsDigest, problem: { reason: 'BuildFailed', message: `kustomize build failed: ${result.message}` } } }
  const reads = encodeReads(result.reads)
  const common = { readsDigest: readsDigest(reads), reads }
  if (result.kind === 'problem') {
    const built = { optionsDigest, problem: renderProblem(result.problem) }
    return { built, keep: { ...common, built } }
  }
  const built = { optionsDigest, bundle: sha256(result.yaml) }
  return { built, keep: { ...common, built, bytes: result.yaml } }
}

function packed(optionsDigest: string, chart: PackedChart): Finished {
  const reads = encodeReads(chart.reads)
  const common = { readsDigest: readsDigest(reads), reads }
  if ('problem' in chart) {
    const built = { optionsDigest, problem: { reason: 'ArtifactFailed', message: chart.problem } as const }
    return { built, keep: { ...common, built } }
  }
  const built = { optionsDigest, bundle: sha256(chart.archive) }
  return { built, keep: { ...common, built, bytes: chart.archive } }
}

/**
 * Stores and tells what has gathered since the last batch: the first result at once, the others in steps, since each
 * batch costs its receiver a transaction over the fleet.
 */
function createBatches({ store, clock }: RenderDeps, onBuilt: RenderOptions['onBuilt']) {
  const last = new AbortController()
  let gathered: Finished[] = []
  let flushing: Promise<void> | undefined
  let failure: { readonly error: unknown } | undefined

  async function flush(): Promise<void> {
    while (gathered.length > 0) {
      const batch = gathered
      gathered = []
      const keep = batch.flatMap((one) => one.keep ?? [])
      if (keep.length > 0) await store.save(keep)
      await onBuilt(batch.map(({ built }) => built))
      if (!last.signal.aborted) await clock.sleep(BATCH_PAUSE_MS, last.signal).catch(() => undefined)
    }
  }

  const start = () => {
    flushing ??= flush()
      .catch((error: unknown) => {
        failure = { error }
      })
      .finally(() => {
        flushing = undefined
      })
    return flushing
  }

  return {
    add(finished: Finished): void {
      if (failure) throw failure.error
      gathered.push(finished)
      void start()
    },
    async finish(): Promise<void> {
      last.abort()
      while (!failure && (gathered.length > 0 || flushing !== undefined)) await start()
      if (failure) throw failure.error
    },
  }
}

/** Runs `work` over all items, `limit` at a time; the first failure ends it, after those under way. */
async function forEach<T>(items: readonly T[], limit: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values()
  let failed = false
  const runner = async () => {
    for (const item of rest) {
      if (failed) return
      try {
        await work(item)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const settled = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, runner))
  for (const one of settled) if (one.status === 'rejected') throw one.reason
}
