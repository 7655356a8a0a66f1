import type { Command } from 'commander'
import { systemClock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { REQUESTED_AT } from '../../../proto/model/names.ts'
import type { ResourceKind } from '../../../proto/model/resource/kind.ts'
import type { Found } from '../ask/places.ts'
import { hasHandled, outcomeOf } from '../ask/ready.ts'
import { waitFor } from '../ask/wait.ts'
import { kindOf, pathOf } from '../kinds.ts'
import type { Session } from '../session.ts'
import { type ActOptions, actCommand } from './act.ts'

interface Options extends ActOptions {
  readonly withSource?: boolean
}

type What = Found & { readonly kind: ResourceKind }

export function reconcileCommand(program: Command, session: Session): void {
  actCommand<Options>(program, session, {
    verb: 'reconcile',
    does: 'reconcile now instead of at the next interval, and wait for the outcome',
    act: reconcile,
  }).option('--with-source', 'fetch its source first')
}

async function reconcile(session: Session, { kind, object, where }: What, options: Options): Promise<void> {
  const hub = await session.hub()
  if ((object.spec as { suspend?: boolean } | undefined)?.suspend)
    throw new FleetError('conflict', `${kind.kind} ${where.name} is suspended in ${where.cluster}; flotilla resume starts it again`)
  if (options.withSource) await reconcile(session, await sourceOf(session, object, where), { ...options, withSource: false })
  const requestedAt = systemClock.now().toISOString()
  session.say(`► annotating ${kind.kind} ${where.name} in ${where.namespace} namespace`)
  const body = { metadata: { annotations: { [REQUESTED_AT]: requestedAt } } }
  await hub.send('PATCH', pathOf(kind, where), { signal: session.signal, body })
  session.say(`✔ ${kind.kind} annotated`)
  if (!options.wait) return
  session.say(`◎ waiting for ${kind.kind} reconciliation`)
  const done = (now: Manifest) => hasHandled(now, requestedAt)
  session.say(outcomeOf(await waitFor(session, kind, { where, done, timeoutMs: options.timeout })))
}

interface SourceRef {
  readonly kind: string
  readonly name: string
  readonly namespace?: string
}

interface Consumer {
  readonly sourceRef?: SourceRef
  readonly chartRef?: SourceRef
  readonly chart?: { readonly spec?: { readonly sourceRef?: SourceRef } }
}

/** The source that an object takes its content from, in the same cluster. */
async function sourceOf(session: Session, object: Manifest, where: Found['where']): Promise<What> {
  const { chart, chartRef, sourceRef } = (object.spec ?? {}) as Consumer
  const ref = sourceRef ?? chartRef ?? chart?.spec?.sourceRef
  if (!ref) throw new FleetError('invalid', `${object.kind} ${object.metadata.name} has no source; leave --with-source out`)
  const kind = kindOf([ref.kind])
  const at = { cluster: where.cluster, namespace: ref.namespace ?? where.namespace, name: ref.name }
  const found = await (await session.hub()).find(pathOf(kind, at), { signal: session.signal })
  if (found) return { kind, object: found, where: at }
  throw new FleetError(
    'not-found',
    `${object.kind} ${where.name} takes its content from ${ref.kind} ${ref.name}, which is not in ${where.cluster}`,
  )
}
