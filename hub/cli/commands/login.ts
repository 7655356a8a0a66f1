import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { FleetError } from '../../../proto/base/errors.ts'
import { CLUSTER } from '../../../proto/model/fleet/kinds.ts'
import { HubClient } from '../ask/client.ts'
import { type CliConfig, readConfig, writeConfig } from '../ask/config.ts'
import { pathOf } from '../kinds.ts'
import { writeContexts } from '../kubeconfig.ts'
import { readStdin, type Session } from '../session.ts'

interface LoginOptions {
  readonly server?: string
  readonly caFile?: string
  readonly tokenStdin?: true
  readonly kubeconfig?: string
  readonly prefix: string
}

export function loginCommand(program: Command, session: Session): void {
  program
    .command('login')
    .description('remember a hub, and write kubeconfig contexts for the fleet and each cluster through it')
    .option('--server <url>', 'address of the hub; without it, the hub that is known already')
    .option('--ca-file <file>', 'CA of the hub, PEM')
    .option('--token-stdin', 'read the token from stdin')
    .option('--kubeconfig <file>', 'kubeconfig to write contexts into (KUBECONFIG, else ~/.kube/config)')
    .option('--prefix <text>', 'what the names of contexts begin with', 'flotilla-')
    .action((options: LoginOptions) => login(session, options))
}

async function login(session: Session, options: LoginOptions): Promise<void> {
  const config = options.server === undefined ? await readConfig(session.env) : await given(session, options.server, options)
  await using hub = new HubClient(config)
  const { items } = await hub.list(pathOf(CLUSTER, {}), { signal: session.signal })
  if (options.server !== undefined) session.say(`✔ ${await writeConfig(session.env, config)} written`)
  const names = items.map(({ metadata }) => metadata.name)
  const contexts = [
    { name: `${options.prefix}fleet`, server: hub.server },
    { name: `${options.prefix}all`, server: `${hub.server}/clusters/-` },
    ...names.map((name) => ({ name: `${options.prefix}${name}`, server: `${hub.server}/clusters/${name}` })),
  ]
  const path = await writeContexts({ env: session.env, file: options.kubeconfig, user: `${options.prefix}hub`, config, contexts })
  session.say(`✔ ${path} has the contexts ${contexts.map(({ name }) => name).join(', ')}`)
}

async function given(session: Session, server: string, { caFile, tokenStdin }: LoginOptions): Promise<CliConfig> {
  const token = tokenStdin ? (await readStdin(session)).trim() : (session.env.FLOTILLA_TOKEN ?? '')
  if (token === '') throw new FleetError('invalid', 'no token: give it on stdin with --token-stdin, or in FLOTILLA_TOKEN')
  return { server, ca: caFile === undefined ? '' : await readFile(caFile, 'utf8'), token }
}
