import { ROLLOUT } from '../../../../proto/model/fleet/kinds.ts'
import { follow } from '../../ask/follow.ts'
import { pathOf } from '../../kinds.ts'
import type { Session } from '../../session.ts'
import { statusOf, statusText } from './show.ts'

const ENDED: readonly (string | undefined)[] = ['succeeded', 'stopped', 'rolled-back']

/** Shows the status again whenever it changed, until its run has ended. */
export async function watchStatus(
  session: Session,
  { name, namespace }: { readonly name: string; readonly namespace: string },
): Promise<void> {
  const hub = await session.hub()
  // What is not there is said at once; a watch would wait for it.
  const first = await hub.get(pathOf(ROLLOUT, { name, namespace }), { signal: session.signal })
  let before = statusText(first)
  session.out(before)
  if (isOver(first)) return
  const query = { fieldSelector: `metadata.name=${name}` }
  const changes = follow(session, pathOf(ROLLOUT, { namespace }), { from: first.metadata.resourceVersion, query, signal: session.signal })
  for await (const { object, type } of changes) {
    if (type === 'DELETED') return session.say(`Rollout ${namespace}/${name} was deleted`)
    const text = statusText(object)
    if (text !== before) session.out(`\n${text}`)
    before = text
    if (isOver(object)) return
  }
}

function isOver(rollout: Parameters<typeof statusOf>[0]): boolean {
  const { newest, run } = statusOf(rollout)
  return ENDED.includes(run?.state) && (newest === undefined || newest === run?.revision || run?.state !== 'succeeded')
}
