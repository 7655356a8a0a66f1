import type { Command } from 'commander'
import { isSettled, outcomeOf } from '../../ask/ready.ts'
import { waitFor } from '../../ask/wait.ts'
import { pathOf } from '../../kinds.ts'
import type { Session } from '../../session.ts'
import { type Act, type ActOptions, actCommand } from './command.ts'
import { isLookedUpOnly } from './sources.ts'

export function suspendCommand(program: Command, session: Session): void {
  actCommand(program, session, { verb: 'suspend', does: 'stop reconciling until it is resumed', act: suspend })
}

export function resumeCommand(program: Command, session: Session): void {
  actCommand(program, session, { verb: 'resume', does: 'reconcile again, and wait for the outcome', act: resume })
}

const suspend: Act<ActOptions> = async (session, { kind, where }) => {
  session.say(`► suspending ${kind.kind} ${where.name} in ${where.namespace} namespace`)
  const body = { spec: { suspend: true } }
  await (await session.hub()).send('PATCH', pathOf(kind, where), { signal: session.signal, body })
  session.say(`✔ ${kind.kind} suspended`)
}

const resume: Act<ActOptions> = async (session, what, { timeout, wait }) => {
  const { kind, where } = what
  session.say(`► resuming ${kind.kind} ${where.name} in ${where.namespace} namespace`)
  const body = { spec: { suspend: false } }
  await (await session.hub()).send('PATCH', pathOf(kind, where), { signal: session.signal, body })
  session.say(`✔ ${kind.kind} resumed`)
  if (!wait || isLookedUpOnly(what)) return
  session.say(`◎ waiting for ${kind.kind} reconciliation`)
  session.say(outcomeOf(await waitFor(session, kind, { where, done: isSettled, timeoutMs: timeout })))
}
