import { delayMs } from '../../proto/base/backoff.ts'
import type { Clock } from '../../proto/base/clock.ts'
import { type ErrorCode, FleetError, messageOf } from '../../proto/base/errors.ts'
import type { Log } from '../../proto/base/log.ts'
import type { Random } from '../../proto/base/random.ts'
import type { PlacedFact } from '../../proto/model/facts.ts'
import { formatRef } from '../../proto/model/object-ref.ts'
import type { PlacedState } from '../../proto/model/report.ts'
import { decidePlaced, type PlacedView } from './decide.ts'
import { bearsOurHand, placedBy } from './in-place.ts'
import { Ledger, type Patience } from './ledger.ts'
import type { PlacedStep } from './model.ts'
import type { PlacedCluster, PlacedGrounds, PlacedVoice } from './ports.ts'

export interface PlacedServiceDeps {
  readonly cluster: PlacedCluster
  readonly grounds: PlacedGrounds
  readonly voice: PlacedVoice
  readonly patience: Patience
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Looks after one placed object. @returns when to look again, in milliseconds; undefined: when something changes */
export type LookAfter = (key: string, signal: AbortSignal) => Promise<number | undefined>

/** What is refused or on its way out is looked at again: not everything that it waits for is watched. */
const LOOK_AGAIN_MS = 30_000
const BACKOFF = { baseMs: 500, capMs: 60_000 }
/** Refusals that may pass by themselves, such as a namespace that is being made, are told from the third on. */
const PATIENT: readonly ErrorCode[] = ['forbidden', 'not-found', 'conflict']
const TOLD_FROM = 3

/** Brings placed objects into the cluster and out of it, and says what became of each. */
export function createPlaced(deps: PlacedServiceDeps): LookAfter {
  const { grounds, log, random, voice } = deps
  const ledger = new Ledger(deps.patience)
  return async (key, signal) => {
    const fact = grounds.fact(key)
    if (!fact) {
      ledger.elsewhere(key)
      voice.forgetPlaced(key)
      return undefined
    }
    try {
      const step = await look(deps, { fact, kept: ledger.isKept(key, fact.position) }, signal)
      return await carryOut(deps, { key, fact, step, ledger }, signal)
    } catch (error) {
      signal.throwIfAborted()
      log.info({ event: 'placed.failed', object: formatRef(fact.object), err: error }, 'could not look after a placed object, trying again')
      const count = ledger.failed(key)
      if (isAnswer(error, count)) tell(deps, fact, 'leaving' in fact.content ? 'removing' : 'refused', messageOf(error))
      return delayMs(count, { ...BACKOFF, jitter: random.next() })
    }
  }
}

async function look(
  { cluster, grounds }: PlacedServiceDeps,
  { fact, kept }: Pick<PlacedView, 'fact' | 'kept'>,
  signal: AbortSignal,
): Promise<PlacedStep> {
  const seen = cluster.mirrored(fact.object)
  const known = seen && placedBy(seen) === fact.placement ? seen : undefined
  // The watch may be behind, and shows no field managers: what decides on somebody else's object is read.
  const read = known ? undefined : await cluster.live(fact.object, signal)
  return decidePlaced({
    fact,
    kept,
    live: known ?? read?.manifest,
    ours: read !== undefined && bearsOurHand(read.managedFields),
    identity: grounds.identify(fact.object.namespace, 'leaving' in fact.content),
    adoption: grounds.adoption(),
    admitted: grounds.admits(fact.object),
  })
}

interface Work {
  readonly key: string
  readonly fact: PlacedFact
  readonly step: PlacedStep
  readonly ledger: Ledger
}

async function carryOut(deps: PlacedServiceDeps, { fact, key, ledger, step }: Work, signal: AbortSignal): Promise<number | undefined> {
  const { clock, cluster, log } = deps
  if (step.kind === 'apply') {
    const waitMs = ledger.waitMs(key, { position: fact.position, nowMs: clock.now().getTime() })
    if (waitMs > 0) return waitMs
    await cluster.apply(step.account, step.manifest, signal)
    log.info({ event: 'placed.applied', object: formatRef(fact.object) }, 'a placed object was brought into the cluster')
  }
  if (step.kind === 'apply' || step.kind === 'in-place') {
    ledger.inPlace(key, fact.position)
    tell(deps, fact, 'placed')
    return undefined
  }
  if (step.kind === 'remove') await cluster.remove(step.account, step.live, signal)
  ledger.elsewhere(key)
  tell(deps, fact, step.kind === 'remove' ? 'removing' : step.kind, 'message' in step ? step.message : '')
  return step.kind === 'gone' ? undefined : LOOK_AGAIN_MS
}

function tell({ voice }: PlacedServiceDeps, fact: PlacedFact, state: PlacedState, message = ''): void {
  voice.placed({ object: fact.object, position: fact.position, state, message })
}

/** True for an answer of the API server that is about the object, and not one that will pass by itself. */
function isAnswer(error: unknown, count: number): boolean {
  const code = error instanceof FleetError ? error.code : 'internal'
  return ['invalid', 'already-exists', 'too-large'].includes(code) || (PATIENT.includes(code) && count >= TOLD_FROM)
}
