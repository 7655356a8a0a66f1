import type { Command } from 'commander'
import { systemClock } from '../../../../proto/base/clock.ts'
import { FleetError } from '../../../../proto/base/errors.ts'
import { KUSTOMIZATION } from '../../../../proto/model/flux/kustomize/kinds.ts'
import type { Manifest } from '../../../../proto/model/manifest.ts'
import { FORCE_AT, REQUESTED_AT, RESET_AT } from '../../../../proto/model/names.ts'
import { attemptedRevision, hasHandled, hasWorkedOn, outcomeOf } from '../../ask/ready.ts'
import { waitFor } from '../../ask/wait.ts'
import { pathOf } from '../../kinds.ts'
import type { Session } from '../../session.ts'
import { isRelease } from '../../show/release.ts'
import { type ActOptions, actCommand } from './command.ts'
import { isLookedUpOnly, sourcesOf, type What } from './sources.ts'

interface Options extends ActOptions {
  readonly withSource?: true
  readonly force?: true
  readonly reset?: true
}

export function reconcileCommand(program: Command, session: Session): void {
  actCommand<Options>(program, session, {
    verb: 'reconcile',
    does: 'reconcile now instead of at the next interval, and wait for the outcome',
    act: reconcile,
  })
    .option('--with-source', 'fetch its source first; of a HelmRelease the repository, then the chart')
    .option('--force', 'release a HelmRelease once more, needed or not')
    .option('--reset', 'forget how often a HelmRelease has failed')
}

async function reconcile(session: Session, what: What, options: Options): Promise<void> {
  if ((options.force || options.reset) && !isRelease(what.object))
    throw new FleetError('invalid', `--force and --reset are for HelmReleases, which ${what.kind.kind} ${what.where.name} is not`)
  if (isLookedUpOnly(what)) throw new FleetError('invalid', nothingToDo(what))
  const sources = options.withSource ? await sourcesOf(session, what) : []
  for (const source of sources.filter(isLookedUpOnly)) session.say(`◎ ${nothingToDo(source)}`)
  const fetched = sources.filter((source) => !isLookedUpOnly(source))
  for (const { kind, object, where } of [...fetched, what])
    if ((object.spec as { suspend?: boolean } | undefined)?.suspend)
      throw new FleetError('conflict', `${kind.kind} ${where.name} is suspended in ${where.cluster}; flotilla resume starts it again`)
  let revision: string | undefined
  for (const source of fetched)
    revision = revisionFor(what, source, await request(session, source, { timeout: options.timeout, wait: true }))
  await request(session, what, { ...options, revision })
}

function nothingToDo({ kind, where }: What): string {
  return `${kind.kind} ${where.name} is a place in a registry where charts are looked up: there is nothing to reconcile`
}

/** The revision to wait for once a source was fetched; none for a HelmRelease whose chart is the one that it was. */
function revisionFor({ kind, object }: What, source: What, fetched: Manifest | undefined): string | undefined {
  const revision = fetched && attemptedRevision(fetched)
  if (kind.kind === KUSTOMIZATION.kind) return revision
  return isRelease(object) && revision !== attemptedRevision(source.object) ? revision : undefined
}

interface Request extends Pick<Options, 'timeout' | 'wait' | 'force' | 'reset'> {
  readonly revision?: string | undefined
}

/** Asks for a reconciliation, and waits for its outcome; with a revision, for the one that works on it or on a later one. */
async function request(
  session: Session,
  { kind, object, where }: What,
  { force, reset, revision, timeout, wait }: Request,
): Promise<Manifest | undefined> {
  const hub = await session.hub()
  const requestedAt = systemClock.now().toISOString()
  session.say(`► annotating ${kind.kind} ${where.name} in ${where.namespace} namespace`)
  const tokens = [REQUESTED_AT, ...(force ? [FORCE_AT] : []), ...(reset ? [RESET_AT] : [])]
  const body = { metadata: { annotations: Object.fromEntries(tokens.map((token) => [token, requestedAt])) } }
  await hub.send('PATCH', pathOf(kind, where), { signal: session.signal, body })
  session.say(`✔ ${kind.kind} annotated`)
  if (!wait) return undefined
  session.say(`◎ waiting for ${kind.kind} reconciliation`)
  const before = attemptedRevision(object)
  const done = (now: Manifest) => hasHandled(now, requestedAt) && (revision === undefined || hasWorkedOn(now, { before, revision }))
  const settled = await waitFor(session, kind, { where, done, timeoutMs: timeout })
  session.say(outcomeOf(settled))
  return settled
}
