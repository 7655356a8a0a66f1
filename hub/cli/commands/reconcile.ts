import type { Command } from 'commander'
import { systemClock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { KustomizationSpec } from '../../../proto/model/flux/kustomize/kustomization.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { REQUESTED_AT } from '../../../proto/model/names.ts'
import type { ResourceKind } from '../../../proto/model/resource/kind.ts'
import { placesOf } from '../ask/places.ts'
import { hasHandled, isSettled, outcomeOf } from '../ask/ready.ts'
import { describe, type Where, waitFor } from '../ask/wait.ts'
import { kindOf, pathOf } from '../kinds.ts'
import type { Session } from '../session.ts'
import { parseTimeout } from '../timeout.ts'

interface Options {
  readonly namespace: string
  readonly cluster?: string
  readonly withSource?: true
  readonly wait: boolean
  readonly timeout: number
}

export function reconcileCommand(program: Command, session: Session): void {
  each(program, { verb: 'reconcile', does: 'reconcile now, and wait for the outcome', run: reconcile, session }).option(
    '--with-source',
    'fetch its source first',
  )
}

export function suspendCommand(program: Command, session: Session): void {
  each(program, { verb: 'suspend', does: 'stop reconciling', run: (...what) => setSuspended(...what, true), session })
}

export function resumeCommand(program: Command, session: Session): void {
  each(program, {
    verb: 'resume',
    does: 'reconcile again, and wait for the outcome',
    run: (...what) => setSuspended(...what, false),
    session,
  })
}

interface Verb {
  readonly verb: string
  readonly does: string
  readonly run: (session: Session, what: What, options: Options) => Promise<void>
  readonly session: Session
}

interface What {
  readonly kind: ResourceKind
  readonly where: Where
}

/** `VERB kustomization NAME`, `VERB source git NAME`: in one cluster, or in every one that has the object. */
function each(program: Command, { does, run, session, verb }: Verb): Command {
  return program
    .command(verb)
    .description(does)
    .argument('<kind...>', 'kustomization NAME, helmrelease NAME, source git NAME, …')
    .option('-n, --namespace <namespace>', 'namespace', 'flux-system')
    .option('--cluster <name>', 'one cluster instead of all that have it')
    .option('--no-wait', 'do not wait for the outcome')
    .option('--timeout <duration>', 'how long to wait', parseTimeout, 300_000)
    .action(async (words: string[], options: Options) => {
      const name = words.at(-1)
      if (words.length < 2 || name === undefined)
        throw new FleetError('invalid', `${verb}: say which kind and which name, such as flotilla ${verb} kustomization apps`)
      const kind = kindOf(words.slice(0, -1))
      const places = await placesOf(session, kind, { ...options, name })
      const done = await Promise.allSettled(places.map((where) => run(session, { kind, where }, options)))
      const failures = done.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
      if (failures.length > 1)
        for (const failure of failures.slice(1)) session.say(`✗ ${failure instanceof Error ? failure.message : String(failure)}`)
      if (failures.length > 0) throw failures[0]
    })
}

async function reconcile(session: Session, { kind, where }: What, options: Options): Promise<void> {
  const hub = await session.hub()
  if (options.withSource) {
    const object = await hub.get(pathOf(kind, where), { signal: session.signal })
    await reconcile(session, sourceOf(object, where), { ...options, withSource: undefined } as unknown as Options)
  }
  const what = describe(kind, where)
  const requestedAt = systemClock.now().toISOString()
  session.say(`► annotating ${what}`)
  const body = { metadata: { annotations: { [REQUESTED_AT]: requestedAt } } }
  const asked = await hub.send('PATCH', pathOf(kind, where), { signal: session.signal, body })
  if ((asked.spec as { suspend?: boolean } | undefined)?.suspend)
    throw new FleetError('conflict', `${what} is suspended; flotilla resume starts it again`)
  session.say(`✔ ${what} annotated`)
  if (!options.wait) return
  session.say(`◎ waiting for ${what}`)
  session.say(
    outcomeOf(await waitFor(session, kind, { where, done: (object) => hasHandled(object, requestedAt), timeoutMs: options.timeout })),
  )
}

async function setSuspended(session: Session, { kind, where }: What, options: Options, suspend: boolean): Promise<void> {
  const hub = await session.hub()
  const what = describe(kind, where)
  await hub.send('PATCH', pathOf(kind, where), { signal: session.signal, body: { spec: { suspend } } })
  session.say(`✔ ${what} ${suspend ? 'suspended' : 'resumed'}`)
  if (suspend || !options.wait) return
  session.say(`◎ waiting for ${what}`)
  session.say(outcomeOf(await waitFor(session, kind, { where, done: isSettled, timeoutMs: options.timeout })))
}

/** The source that an object takes its content from. */
function sourceOf(object: Manifest, where: Where): What {
  const { chartRef, chart, sourceRef } = object.spec as Partial<KustomizationSpec> & {
    chartRef?: { kind: string; name: string; namespace?: string }
    chart?: { spec?: { sourceRef?: { kind: string; name: string; namespace?: string } } }
  }
  const ref = sourceRef ?? chartRef ?? chart?.spec?.sourceRef
  if (!ref) throw new FleetError('invalid', `${object.kind} ${object.metadata.name} has no source; leave --with-source out`)
  return { kind: kindOf([ref.kind]), where: { cluster: where.cluster, namespace: ref.namespace ?? where.namespace, name: ref.name } }
}
