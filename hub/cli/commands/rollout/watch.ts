import { ROLLOUT } from '../../../../proto/model/fleet/kinds.ts'
import type { Manifest } from '../../../../proto/model/manifest.ts'
import { follow } from '../../ask/follow.ts'
import { pathOf } from '../../kinds.ts'
import type { Session } from '../../session.ts'
import { createAppendedText, createLiveText } from '../../show/live.ts'
import { statusOf, statusText } from './show.ts'

const ENDED: readonly (string | undefined)[] = ['succeeded', 'stopped', 'rolled-back']

/** Shows the status again whenever it changed, until its run has ended: on a terminal in place, elsewhere below. */
export async function watchStatus(
  session: Session,
  { name, namespace }: { readonly name: string; readonly namespace: string },
): Promise<void> {
  const { out, signal, terminal } = session
  const live = terminal ? createLiveText(terminal) : createAppendedText()
  const hub = await session.hub()
  // What is not there is said at once; a watch would wait for it.
  let shown = await hub.get(pathOf(ROLLOUT, { name, namespace }), { signal })
  const show = () => out(isOver(shown) ? live.last(statusText(shown)) : live.next(statusText(shown)))
  // A remark between two drawings would be drawn over, and shift what follows.
  const remark = (text: string) => out(live.next(`${statusText(shown)}\n${text}\n`))
  show()
  if (isOver(shown)) return
  const asked = { from: shown.metadata.resourceVersion, query: { fieldSelector: `metadata.name=${name}` }, signal }
  for await (const { object, type } of follow(terminal ? { ...session, say: remark } : session, pathOf(ROLLOUT, { namespace }), asked)) {
    if (type === 'DELETED') return session.say(`Rollout ${namespace}/${name} was deleted`)
    shown = object
    show()
    if (isOver(shown)) return
  }
}

/** True where the run has ended and no other one is about to start by itself. */
export function isOver(rollout: Manifest): boolean {
  const { badRevisions = [], hold, newest, run } = statusOf(rollout)
  if (!run || !ENDED.includes(run.state)) return false
  if (newest === undefined || newest === run.revision || run.state !== 'succeeded' || run.cause !== 'revision') return true
  const { suspend } = (rollout.spec ?? {}) as { readonly suspend?: boolean }
  return hold !== undefined || suspend === true || badRevisions.includes(newest)
}
