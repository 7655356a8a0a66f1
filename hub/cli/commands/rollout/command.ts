import type { Command } from 'commander'
import { FleetError } from '../../../../proto/base/errors.ts'
import { ROLLOUT } from '../../../../proto/model/fleet/kinds.ts'
import { pathOf } from '../../kinds.ts'
import type { Session } from '../../session.ts'
import { document, type Output, parseOutput } from '../../show/print.ts'
import { historyText, statusText } from './show.ts'
import { watchStatus } from './watch.ts'

interface Options {
  readonly namespace: string
}

interface Asking extends Options {
  readonly reason?: string
  readonly wave?: string
  readonly revision?: string
  readonly to?: string
}

export function rolloutCommand(program: Command, session: Session): void {
  const rollout = program.command('rollout').description('revisions on their way through the clusters: see, approve, stop, go back')
  const named = (name: string, does: string) =>
    rollout.command(name).description(does).argument('<name>').option('-n, --namespace <namespace>', 'namespace', 'flux-system')
  named('status', 'show the waves, what they wait for, and which clusters fail')
    .option('-w, --watch', 'go on until the run has ended; a terminal shows it in place')
    .option('-o, --output <format>', 'table, json or yaml', parseOutput, 'table' as const)
    .action((name: string, options: Options & { watch?: true; output: Output }) => status(session, name, options))
  named('history', 'show the runs: what they moved, who started and approved them, and how they ended').action(
    (name: string, options: Options) => history(session, name, options),
  )
  const asking = (verb: string, does: string) =>
    named(verb, does)
      .option('--reason <text>', 'why, for the audit log')
      .action((name: string, options: Asking) => ask(session, verb, { ...options, name }))
  asking('approve', 'let the wave start that waits for it').option('--wave <name>', 'this wave, also before it comes to it')
  asking('pause', 'release nothing more until it is resumed')
  asking('resume', 'go on after a pause, and end the hold of a rollback')
  asking('promote', 'start a run by hand').option('--revision <revision>', 'with this revision; the newest one where absent')
  asking('skip', 'do not wait for the wave any longer').option('--wave <name>', 'this wave, also before it comes to it')
  asking('rollback', 'go back in all clusters, and hold new revisions back until it is resumed').option(
    '--to <revision>',
    'to this revision; the last one that went well before where absent',
  )
}

async function status(
  session: Session,
  name: string,
  options: Options & { readonly watch?: true; readonly output: Output },
): Promise<void> {
  if (options.watch && options.output !== 'table')
    throw new FleetError('invalid', `rollout status ${name}: --watch shows a table; leave out -o ${options.output}`)
  if (options.watch) return watchStatus(session, { name, namespace: options.namespace })
  const hub = await session.hub()
  const found = await hub.get(pathOf(ROLLOUT, { name, namespace: options.namespace }), { signal: session.signal })
  session.out(options.output === 'table' ? statusText(found) : document(found, options.output))
}

async function history(session: Session, name: string, { namespace }: Options): Promise<void> {
  const hub = await session.hub()
  session.out(historyText(await hub.get(pathOf(ROLLOUT, { name, namespace }), { signal: session.signal })))
}

async function ask(session: Session, verb: string, options: Asking & { readonly name: string }): Promise<void> {
  const { name, namespace, reason, revision = options.to, wave } = options
  const body = { ...(reason ? { reason } : {}), ...(wave ? { wave } : {}), ...(revision ? { revision } : {}) }
  const hub = await session.hub()
  const { message } = await hub.send<{ message: string }>('POST', `${pathOf(ROLLOUT, { name, namespace })}/${verb}`, {
    signal: session.signal,
    body,
  })
  session.say(`✔ ${message}`)
}
