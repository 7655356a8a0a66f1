import type { Command } from 'commander'
import { FleetError } from '../../../proto/base/errors.ts'
import { CLUSTER } from '../../../proto/model/fleet/kinds.ts'
import { HubClient } from '../ask/client.ts'
import { type CliConfig, readConfig, writeConfig } from '../ask/config.ts'
import { pathOf } from '../kinds.ts'
import { writeContexts } from '../kubeconfig.ts'
import { readStdin, readText, type Session } from '../session.ts'

interface LoginOptions {
  readonly server?: string
  readonly caFile?: string
  readonly tokenStdin?: true
  readonly kubeconfig?: string
  readonly prefix: string
  readonly contexts: boolean
}

const HELP = `
The hub's administrator finds server, CA and token in admin.json in the hub's data folder; other people get a token from
flotilla token create. Afterwards kubectl reaches the fleet and every cluster through the hub, with the same rights.

Examples:
  flotilla login --server https://hub.example.com:8080 --ca-file hub-ca.pem --token-stdin < token
  flotilla login                       write contexts for clusters that have joined since
  kubectl --context staging get kustomizations -A
`

export function loginCommand(program: Command, session: Session): void {
  program
    .command('login')
    .description('remember a hub, and write kubeconfig contexts for the fleet and each cluster through it')
    .option('--server <url>', 'address of the hub; without it, the hub that is known already')
    .option('--ca-file <file>', 'CA of the hub, PEM')
    .option('--token-stdin', 'read the token from stdin')
    .option('--kubeconfig <file>', 'kubeconfig to write contexts into (KUBECONFIG, else ~/.kube/config)')
    .option('--prefix <text>', 'put this before the names of contexts', '')
    .option('--no-contexts', 'write no kubeconfig contexts')
    .addHelpText('after', HELP)
    .action((options: LoginOptions) => login(session, options))
}

async function login(session: Session, options: LoginOptions): Promise<void> {
  const config = options.server === undefined ? await readConfig(session.env) : await given(session, options.server, options)
  await using hub = new HubClient(config, (warning) => session.say(`⚠ ${warning}`))
  const { items } = await hub.list(pathOf(CLUSTER, {}), { signal: session.signal })
  if (options.server !== undefined) session.say(`✔ ${await writeConfig(session.env, config)} written`)
  if (!options.contexts) return
  const contexts = [
    { name: `${options.prefix}fleet`, server: hub.server },
    ...items.map(({ metadata: { name } }) => ({ name: `${options.prefix}${name}`, server: `${hub.server}/clusters/${name}` })),
  ]
  const path = await writeContexts({ env: session.env, file: options.kubeconfig, config, contexts, prefix: options.prefix })
  session.say(`✔ ${path} has the contexts ${contexts.map(({ name }) => name).join(', ')}`)
}

async function given(session: Session, server: string, { caFile, tokenStdin }: LoginOptions): Promise<CliConfig> {
  if (!URL.canParse(server) || new URL(server).protocol !== 'https:')
    throw new FleetError('invalid', `--server ${server}: must be an address such as https://hub.example.com:8080`)
  const token = tokenStdin ? (await readStdin(session)).trim() : (session.env.FLOTILLA_TOKEN ?? '')
  if (token === '') throw new FleetError('invalid', 'no token: give it on stdin with --token-stdin, or in FLOTILLA_TOKEN')
  return { server, ca: caFile === undefined ? '' : await readText(caFile, '--ca-file'), token }
}
