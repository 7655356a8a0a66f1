import type { Manifest } from '../../proto/model/manifest.ts'
import { atFirst, type Given, onBoth, onDryRun, onLive, onRefusal, type Plan } from './plan.ts'
import type { ApplyCluster, Comparison } from './ports.ts'

/** Finds out what is to be done with one object, asking the API server for as little as the answer needs. */
export async function examine(
  given: Given,
  deps: { readonly cluster: ApplyCluster; readonly rules: Comparison; readonly signal: AbortSignal },
): Promise<Plan> {
  const { cluster, rules, signal } = deps
  const { desired } = given
  const first = atFirst(given, rules)
  if (typeof first === 'object') return first
  let live: Manifest | undefined
  if (first === 'read') {
    live = await cluster.live(desired, signal)
    const decided = onLive(desired, live, rules)
    if (decided) return decided
  }
  const tried = await cluster.dryRun(desired, signal)
  if (tried.kind === 'refused') {
    live ??= await readable(() => cluster.live(desired, signal))
    return onLive(desired, live, rules) ?? onRefusal(given, tried.why, live)
  }
  const enough = onDryRun(given, tried.object, rules)
  if (enough) return enough
  live ??= await cluster.live(desired, signal)
  if (!live) return { kind: 'apply', action: 'created', handOver: [] }
  return onLive(desired, live, rules) ?? onBoth(desired, { live, dryRun: tried.object }, rules)
}

/** The refusal of the dry-run is the one to report, so a read that fails after it tells nothing. */
async function readable(read: () => Promise<Manifest | undefined>): Promise<Manifest | undefined> {
  try {
    return await read()
  } catch {
    return undefined
  }
}
