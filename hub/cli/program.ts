import { Command, CommanderError } from 'commander'
import { FleetError } from '../../proto/base/errors.ts'
import { VERSION } from '../../proto/model/version.ts'
import { HubClient } from './ask/client.ts'
import { readConfig } from './ask/config.ts'
import { reconcileCommand } from './commands/act/reconcile.ts'
import { resumeCommand, suspendCommand } from './commands/act/suspend.ts'
import { diffCommand } from './commands/applied/diff.ts'
import { historyCommand } from './commands/applied/history.ts'
import { treeCommand } from './commands/applied/tree.ts'
import { applyCommand } from './commands/apply.ts'
import { bootstrapCommand } from './commands/bootstrap.ts'
import { clusterCommand } from './commands/clusters.ts'
import { createCommand } from './commands/create/command.ts'
import { deleteCommand } from './commands/delete.ts'
import { eventsCommand } from './commands/events.ts'
import { getCommand } from './commands/get.ts'
import { loginCommand } from './commands/login.ts'
import { placementCommand } from './commands/placements.ts'
import { rolloutCommand } from './commands/rollout/command.ts'
import { whyCommand } from './commands/rollout/why.ts'
import { tenantCommand } from './commands/tenants.ts'
import { joinTokenCommand, tokenCommand } from './commands/tokens.ts'
import { EXIT, failureOf } from './exit.ts'
import type { Session, Surroundings } from './session.ts'

/** Runs one command line to its end. @returns the exit code; what went wrong is said in one sentence */
export async function run(args: readonly string[], world: Surroundings): Promise<number> {
  await using scope = new AsyncDisposableStack()
  let opened: Promise<HubClient> | undefined
  const hub = () => {
    opened ??= readConfig(world.env).then((config) => scope.use(new HubClient(config, (warning) => world.say(`⚠ ${warning}`))))
    return opened
  }
  let ends: { readonly done: number; readonly failed: number } = { done: EXIT.ok, failed: EXIT.failed }
  const session: Session = {
    ...world,
    hub,
    ends: (codes) => {
      ends = { ...ends, ...codes }
    },
  }
  try {
    await createProgram(session).parseAsync([...args], { from: 'user' })
    return ends.done
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    if (world.signal.aborted) return EXIT.stopped
    const { code, sentence } = failureOf(error)
    world.say(`✗ ${sentence}`)
    return code === EXIT.failed ? ends.failed : code
  }
}

function createProgram(session: Session): Command {
  const program = new Command('flotilla')
    .description('Flux-style GitOps for a fleet of clusters')
    .version(VERSION)
    .configureOutput({ writeOut: (text) => session.out(text), writeErr: (text) => session.say(text.trimEnd()) })
    .exitOverride()
  program.command('hub').description('run a hub; configured by environment variables').action(notHere)
  program.command('agent').description('run the agent of a cluster; configured by environment variables').action(notHere)
  const add = [loginCommand, tokenCommand, joinTokenCommand, clusterCommand, tenantCommand, applyCommand, createCommand, bootstrapCommand]
  const use = [
    getCommand,
    treeCommand,
    historyCommand,
    diffCommand,
    placementCommand,
    rolloutCommand,
    whyCommand,
    reconcileCommand,
    suspendCommand,
    resumeCommand,
    eventsCommand,
    deleteCommand,
  ]
  for (const command of [...add, ...use]) command(program, session)
  settleAll(program)
  return program
}

/** Subcommands do not take over how errors end and where text goes unless told to. */
function settleAll(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command)
    settleAll(child)
  }
}

function notHere(): never {
  throw new FleetError('invalid', 'hub and agent are started by the flotilla program itself: npx flotilla hub')
}
