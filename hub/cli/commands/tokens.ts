import type { Command } from 'commander'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { FLEET_GROUP, FLEET_VERSION } from '../../../proto/model/names.ts'
import { parseLabels } from '../labels.ts'
import type { Session } from '../session.ts'
import { document, type Output, parseOutput, tableText } from '../show/print.ts'

const ROOT = `/apis/${FLEET_GROUP}/${FLEET_VERSION}`
type Json = Readonly<Record<string, unknown>>

export function tokenCommand(program: Command, session: Session): void {
  const token = program.command('token').description('tokens with which people and tools use the hub')
  withOutput(token.command('create').description('create a token; its text is shown once'))
    .requiredOption('--description <text>', 'who or what it is for')
    .option('--role <role>', 'admin, editor or viewer', 'viewer')
    .option('--tenant <name>', 'bind it to a tenant')
    .option('--verbs <verbs...>', 'what it may ask of Rollouts, whatever its role: approve, pause, resume, promote, skip, rollback')
    .option('--ttl <duration>', 'how long it is good for, such as 720h')
    .action(({ verbs, ...rest }: { output: Output; verbs?: string[] } & Json) =>
      create(session, 'Token', { ...rest, ...(verbs ? { verbs: verbs.flatMap((some) => some.split(',')) } : {}) }),
    )
  withOutput(token.command('list').description('show the tokens')).action(({ output }: { output: Output }) =>
    list(session, 'Token', output),
  )
  token
    .command('revoke')
    .description('end a token at once')
    .argument('<id>')
    .action((id: string) => revoke(session, 'Token', id))
}

export function joinTokenCommand(program: Command, session: Session): void {
  const token = program.command('join-token').description('tokens with which the agents of clusters join the fleet')
  withOutput(token.command('create').description('create a join token; its text is shown once'))
    .option('--cluster <name>', 'good for this name only')
    .option('--description <text>', 'what it is for')
    .option('--label <labels...>', 'labels of the clusters that join with it')
    .option('--no-approve', 'clusters that join with it wait for approval')
    .option('--ttl <duration>', 'how long it is good for (24h)')
    .option('--uses <number>', 'how many clusters may join with it (1)', parseUses)
    .action((options: { output: Output; label?: string[] } & Json) => {
      const { label, ...rest } = options
      return create(session, 'JoinToken', { ...rest, ...(label ? { labels: parseLabels(label) } : {}) })
    })
  withOutput(token.command('list').description('show the join tokens')).action(({ output }: { output: Output }) =>
    list(session, 'JoinToken', output),
  )
  token
    .command('revoke')
    .description('end a join token')
    .argument('<id>')
    .action((id: string) => revoke(session, 'JoinToken', id))
}

function parseUses(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new FleetError('invalid', `--uses ${text}: must be a whole number from 1`)
}

type TokenKind = 'Token' | 'JoinToken'

/** Makes a token and gives back what the hub says of it; `status.token` is its text. */
export async function createToken(session: Session, kind: TokenKind, spec: Json): Promise<Manifest> {
  const hub = await session.hub()
  const body = { apiVersion: `${FLEET_GROUP}/${FLEET_VERSION}`, kind, metadata: { name: 'new' }, spec }
  return hub.send('POST', `${ROOT}/${kind.toLowerCase()}s`, { signal: session.signal, body, query: { fieldValidation: 'Strict' } })
}

export function tokenText({ status }: Manifest): string {
  return String((status as { token?: string } | undefined)?.token ?? '')
}

async function create(session: Session, kind: TokenKind, { output, ...spec }: { readonly output: Output } & Json): Promise<void> {
  const made = await createToken(session, kind, spec)
  const { expiresAt } = made.status as { expiresAt?: string }
  const shown = { id: made.metadata.name, token: tokenText(made), ...(expiresAt ? { expiresAt } : {}) }
  if (output !== 'table') session.out(document(shown, output))
  else {
    session.out(`${shown.token}\n`)
    session.say(`✔ ${kind === 'Token' ? 'token' : 'join token'} ${shown.id} created; this is the only time that its text is shown`)
  }
}

async function list(session: Session, kind: TokenKind, output: Output): Promise<void> {
  const hub = await session.hub()
  const { items } = await hub.list(`${ROOT}/${kind.toLowerCase()}s`, { signal: session.signal })
  if (output !== 'table') return session.out(document({ apiVersion: 'v1', kind: 'List', items }, output))
  const text = (value: unknown) => (value === undefined ? '' : String(value))
  const rows = items.map(({ metadata, spec, status }) => {
    const [given, known] = [spec as Json, status as Json]
    const own = kind === 'Token' ? [given.role, given.tenant, given.verbs] : [given.cluster, known.usesLeft]
    return [metadata.name, ...[given.description, ...own, known.expiresAt].map(text)]
  })
  session.out(
    tableText(
      kind === 'Token' ? ['id', 'description', 'role', 'tenant', 'verbs', 'expires'] : ['id', 'description', 'cluster', 'uses', 'expires'],
      rows,
    ),
  )
}

async function revoke(session: Session, kind: TokenKind, id: string): Promise<void> {
  const hub = await session.hub()
  await hub.send('DELETE', `${ROOT}/${kind.toLowerCase()}s/${encodeURIComponent(id)}`, { signal: session.signal })
  session.say(`✔ ${id} revoked`)
}

function withOutput(command: Command): Command {
  return command.option('-o, --output <format>', 'table, json or yaml', parseOutput, 'table' as const)
}
