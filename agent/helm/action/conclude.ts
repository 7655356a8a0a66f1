import type { HelmWaiting } from '../../../proto/helm/protocol.ts'
import type { StoredRelease } from '../../../proto/helm/stored.ts'
import type { ReleaseRecord } from '../model.ts'

export interface Concluding {
  readonly act: 'install' | 'upgrade' | 'test' | 'rollback' | 'uninstall'
  readonly waiting: HelmWaiting
  /** Helm's storage as it is after the wait. */
  readonly storage: readonly StoredRelease[]
  /** Why the objects are not healthy; undefined where they are. */
  readonly why: string | undefined
}

const DONE: Partial<Record<Concluding['act'], string>> = { install: 'Install complete', upgrade: 'Upgrade complete' }

/**
 * What Helm would write of a release once it has waited, in its order; undefined where the release is not pending any more,
 * because somebody else did something with it.
 */
export function conclusion({ act, storage, waiting, why }: Concluding): readonly ReleaseRecord[] | undefined {
  const made = storage.find(({ version }) => version === waiting.version)
  if (!made?.info.status.startsWith('pending-')) return undefined
  if (why !== undefined) {
    const subject = act === 'upgrade' ? 'Upgrade' : 'Release'
    return [{ stored: made, status: 'failed', description: `${subject} "${made.name}" failed: ${why}` }]
  }
  const former = storage
    .filter((one) => one !== made && isReplaced(one, act, waiting))
    .map((stored) => ({ stored, status: 'superseded' as const }))
  const description = DONE[act]
  return [...former, { stored: made, status: 'deployed', ...(description ? { description } : {}) }]
}

/** An upgrade takes the place of the version that it was made from, whatever became of that; a roll-back of all that are deployed. */
function isReplaced({ info, version }: StoredRelease, act: Concluding['act'], { former }: HelmWaiting): boolean {
  if (act === 'rollback') return info.status === 'deployed'
  return act === 'upgrade' && version === former
}
