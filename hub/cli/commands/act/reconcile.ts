import type { Command } from 'commander'
import { systemClock } from '../../../../proto/base/clock.ts'
import { FleetError } from '../../../../proto/base/errors.ts'
import { KUSTOMIZATION } from '../../../../proto/model/flux/kustomize/kinds.ts'
import { HELM_REPOSITORY } from '../../../../proto/model/flux/source/kinds.ts'
import type { Manifest } from '../../../../proto/model/manifest.ts'
import { REQUESTED_AT } from '../../../../proto/model/names.ts'
import type { ResourceKind } from '../../../../proto/model/resource/kind.ts'
import type { Found } from '../../ask/places.ts'
import { attemptedRevision, hasHandled, outcomeOf } from '../../ask/ready.ts'
import { waitFor } from '../../ask/wait.ts'
import { kindOf, pathOf } from '../../kinds.ts'
import type { Session } from '../../session.ts'
import { type ActOptions, actCommand } from './command.ts'

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

async function reconcile(session: Session, what: What, options: Options): Promise<void> {
  if (isLookedUpOnly(what))
    throw new FleetError(
      'invalid',
      `${what.kind.kind} ${what.where.name} is a place in a registry where charts are looked up: there is nothing to reconcile`,
    )
  const found = options.withSource ? await sourceOf(session, what) : undefined
  const source = found && isLookedUpOnly(found) ? undefined : found
  for (const { kind, object, where } of source ? [source, what] : [what])
    if ((object.spec as { suspend?: boolean } | undefined)?.suspend)
      throw new FleetError('conflict', `${kind.kind} ${where.name} is suspended in ${where.cluster}; flotilla resume starts it again`)
  const fetched = source && (await request(session, source, { ...options, wait: true }))
  const revision = fetched && what.kind.kind === KUSTOMIZATION.kind ? attemptedRevision(fetched) : undefined
  await request(session, what, { ...options, revision })
}

function isLookedUpOnly({ kind, object }: What): boolean {
  return kind.kind === HELM_REPOSITORY.kind && (object.spec as { readonly type?: string } | undefined)?.type === 'oci'
}

/** Asks for a reconciliation, and waits for its outcome; with a revision, for the one that works on it or on a later one. */
async function request(
  session: Session,
  { kind, object, where }: What,
  { revision, timeout, wait }: Options & { readonly revision?: string | undefined },
): Promise<Manifest | undefined> {
  const hub = await session.hub()
  const requestedAt = systemClock.now().toISOString()
  session.say(`► annotating ${kind.kind} ${where.name} in ${where.namespace} namespace`)
  const body = { metadata: { annotations: { [REQUESTED_AT]: requestedAt } } }
  await hub.send('PATCH', pathOf(kind, where), { signal: session.signal, body })
  session.say(`✔ ${kind.kind} annotated`)
  if (!wait) return undefined
  session.say(`◎ waiting for ${kind.kind} reconciliation`)
  const before = attemptedRevision(object)
  const isCurrent = (attempted: string | undefined) => revision === undefined || attempted === revision || attempted !== before
  const done = (now: Manifest) => hasHandled(now, requestedAt) && isCurrent(attemptedRevision(now))
  const settled = await waitFor(session, kind, { where, done, timeoutMs: timeout })
  session.say(outcomeOf(settled))
  return settled
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
async function sourceOf(session: Session, { object, where }: What): Promise<What> {
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
