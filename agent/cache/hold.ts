import type {
  ClusterFact,
  Cursor,
  DesiredFact,
  Fact,
  PlacedFact,
  ReleaseFact,
  SourceStatusFact,
  TenantFact,
} from '../../proto/model/facts.ts'
import { refKey } from '../../proto/model/object-ref.ts'
import { problemContent, setDigest } from '../../proto/model/set-members.ts'
import { type Holdings, NOTHING_HELD } from './model.ts'

/** What changed with a batch of facts, by object key, so that only those are looked at again. */
export interface Touched {
  readonly objects: ReadonlySet<string>
  readonly sources: ReadonlySet<string>
  readonly tenants: ReadonlySet<string>
  /** Objects that a Placement puts into the cluster or takes out of it. */
  readonly placed: ReadonlySet<string>
  /** True when the fleet knows something else of the cluster. */
  readonly cluster: boolean
}

export interface Batch {
  readonly facts: readonly Fact[]
  readonly cursor: Cursor
  /** True when the facts are all there are: what they do not name is forgotten, which means "no decision" and never a prune. */
  readonly full: boolean
}

/** The holdings after a batch. A fact with a lower position than the one held is older news and changes nothing. */
export function hold(holdings: Holdings, batch: Batch): { readonly holdings: Holdings; readonly touched: Touched } {
  const from = batch.full ? NOTHING_HELD : holdings
  const next: Drafts = {
    desired: new Map(from.desired),
    releases: new Map(from.releases),
    sourceStatuses: new Map(from.sourceStatuses),
    tenants: new Map(from.tenants),
    placed: new Map(from.placed),
    cluster: from.cluster,
  }
  const touched: Marks = { objects: new Set(), sources: new Set(), tenants: new Set(), placed: new Set(), cluster: false }
  for (const fact of batch.facts) take(next, touched, fact)
  if (batch.full) forgotten(holdings, next, touched)
  const complete = new Set(from.complete)
  for (const source of touched.sources) {
    if (isComplete(next.releases.get(source), source, next.desired)) complete.add(source)
    else complete.delete(source)
  }
  return { holdings: { ...next, complete, cursor: batch.cursor }, touched }
}

interface Drafts {
  readonly desired: Map<string, DesiredFact>
  readonly releases: Map<string, ReleaseFact>
  readonly sourceStatuses: Map<string, SourceStatusFact>
  readonly tenants: Map<string, TenantFact>
  readonly placed: Map<string, PlacedFact>
  cluster: ClusterFact | undefined
}
interface Marks {
  readonly objects: Set<string>
  readonly sources: Set<string>
  readonly tenants: Set<string>
  readonly placed: Set<string>
  cluster: boolean
}

function take(next: Drafts, touched: Marks, fact: Fact): void {
  switch (fact.kind) {
    case 'desired': {
      const old = next.desired.get(refKey(fact.object))
      if (old) touched.sources.add(refKey(old.source))
      if (put(next.desired, refKey(fact.object), fact, touched.objects)) touched.sources.add(refKey(fact.source))
      return
    }
    case 'release':
      put(next.releases, refKey(fact.source), fact, touched.sources)
      return
    case 'source-status':
      put(next.sourceStatuses, refKey(fact.source), fact, touched.sources)
      return
    case 'tenant':
      put(next.tenants, fact.tenant, fact, touched.tenants)
      return
    case 'placed':
      put(next.placed, refKey(fact.object), fact, touched.placed)
      return
    case 'cluster':
      if (next.cluster && next.cluster.position > fact.position) return
      next.cluster = fact
      touched.cluster = true
      return
    case 'removed':
      remove(next, touched, fact)
      return
    default:
      fact satisfies never
  }
}

function put<T extends { readonly position: bigint }>(into: Map<string, T>, key: string, fact: T, marks: Set<string>): boolean {
  const old = into.get(key)
  if (old && old.position > fact.position) return false
  into.set(key, fact)
  marks.add(key)
  return true
}

function remove(next: Drafts, touched: Marks, fact: Extract<Fact, { kind: 'removed' }>): void {
  const key = refKey(fact.object)
  const drafts = { desired: next.desired, release: next.releases, 'source-status': next.sourceStatuses, placed: next.placed } as const
  const old = drafts[fact.fact].get(key)
  if (!old || old.position > fact.position) return
  drafts[fact.fact].delete(key)
  if (old.kind === 'desired') {
    touched.objects.add(key)
    touched.sources.add(refKey(old.source))
  } else if (old.kind === 'placed') touched.placed.add(key)
  else touched.sources.add(key)
}

function forgotten(before: Holdings, next: Drafts, touched: Marks): void {
  for (const [key, fact] of before.desired) {
    if (next.desired.has(key)) continue
    touched.objects.add(key)
    touched.sources.add(refKey(fact.source))
  }
  for (const key of before.releases.keys()) if (!next.releases.has(key)) touched.sources.add(key)
  for (const key of before.placed.keys()) if (!next.placed.has(key)) touched.placed.add(key)
  for (const key of before.tenants.keys()) if (!next.tenants.has(key)) touched.tenants.add(key)
}

function isComplete(release: ReleaseFact | undefined, source: string, desired: ReadonlyMap<string, DesiredFact>): boolean {
  if (!release) return false
  const members = [...desired.values()].filter((fact) => refKey(fact.source) === source)
  const content = (fact: DesiredFact) => ('bundle' in fact.content ? fact.content.bundle : problemContent(fact.content.problem))
  return setDigest(members.map((fact) => ({ object: fact.object, content: content(fact) }))) === release.setDigest
}
