import type { Fight } from './model.ts'

const BASE_MS = 1_000
const CAP_MS = 30_000
/** Quiet for this long, and the next correction is immediate again. */
const QUIET_MS = 120_000

/** So many corrections come at once: a person who tries twice is not a fight. */
const PATIENCE = 3

/**
 * When to correct an object that has drifted: at once the first three times, then after 1 s, 2 s, … at most 30 s, so that
 * a fight with another writer costs little; two quiet minutes end a fight.
 */
export function nextRound(fight: Fight | undefined, now: Date): { readonly fight: Fight; readonly waitMs: number } {
  const quiet = fight === undefined || now.getTime() - fight.lastAt.getTime() >= QUIET_MS
  const rounds = quiet ? 0 : fight.rounds
  const waitMs = rounds < PATIENCE ? 0 : Math.min(CAP_MS, BASE_MS * 2 ** Math.min(rounds - PATIENCE, 20))
  return { fight: { rounds: rounds + 1, lastAt: new Date(now.getTime() + waitMs) }, waitMs }
}
