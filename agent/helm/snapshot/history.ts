import type { Snapshot } from '../../mirror/model.ts'

/** Snapshots kept where none of them was good. */
const LIMIT = 5
const GOOD = ['deployed', 'superseded']
const FAILED = 'Failed'
const SUCCEEDED = 'Succeeded'

/** The newest snapshot. */
export function latest(history: readonly Snapshot[]): Snapshot | undefined {
  return sorted(history)[0]
}

/** The newest good snapshot before the latest: what a roll-back goes to. */
export function previous(history: readonly Snapshot[], ignoreTests: boolean): Snapshot | undefined {
  return sorted(history)
    .slice(1)
    .find((one) => isGood(one, ignoreTests))
}

/** The history up to the previous good snapshot; the newest few where there is none. */
export function truncate(history: readonly Snapshot[], ignoreTests: boolean): readonly Snapshot[] {
  const newestFirst = sorted(history)
  const good = newestFirst.findIndex((one, at) => at > 0 && isGood(one, ignoreTests))
  return good > 0 ? newestFirst.slice(0, good + 1) : newestFirst.slice(0, LIMIT)
}

/** The history where failures are only tried again: its newest few, since none of it is gone back to. */
export function newest(history: readonly Snapshot[]): readonly Snapshot[] {
  return sorted(history).slice(0, LIMIT)
}

/**
 * The history after releases were written to the storage: those that it has are brought up to date and keep what is
 * known of their tests, those that are new come in front.
 */
export function record(history: readonly Snapshot[], written: readonly Snapshot[]): readonly Snapshot[] {
  const renewed = history.map((old) => {
    const now = written.find((one) => isSame(one, old))
    if (!now) return old
    return { ...now, ...(old.action === undefined ? {} : { action: old.action }), ...(old.testHooks ? { testHooks: old.testHooks } : {}) }
  })
  return sorted([...written.filter((one) => !history.some((old) => isSame(one, old))), ...renewed])
}

/** True where tests were run to the end, or to the first that failed; also where none is to run. Source: Flux, Snapshot.HasBeenTested. */
export function hasBeenTested(snapshot: Snapshot): boolean {
  const { testHooks } = snapshot
  if (!testHooks) return false
  return hasFailedTest(snapshot) || Object.values(testHooks).every(({ phase }) => phase === SUCCEEDED)
}

export function hasFailedTest({ testHooks }: Snapshot): boolean {
  return Object.values(testHooks ?? {}).some(({ phase }) => phase === FAILED)
}

function isGood(snapshot: Snapshot, ignoreTests: boolean): boolean {
  return GOOD.includes(snapshot.status) && (ignoreTests || !hasFailedTest(snapshot))
}

function isSame(a: Snapshot, b: Snapshot): boolean {
  return a.name === b.name && a.namespace === b.namespace && a.version === b.version
}

function sorted(history: readonly Snapshot[]): readonly Snapshot[] {
  return history.toSorted((a, b) => b.version - a.version)
}
