import type { Command } from 'commander'
import { FleetError } from '../../../../proto/base/errors.ts'
import { formatDuration, parseDurationMs } from '../../../../proto/model/duration.ts'
import type { ResourceKind } from '../../../../proto/model/resource/kind.ts'

/** Options of a command: as commander writes them, what each is for, and how its text is read. */
export type FlagTable = readonly (readonly [flags: string, does: string, read?: Reader])[]
type Reader = typeof list | typeof durationText | typeof truth

/** The command with these options too. */
export function addFlags(command: Command, table: FlagTable): Command {
  for (const [flags, does, read] of table) {
    const option = command.createOption(flags, does)
    command.addOption(read ? option.argParser<unknown>(read as (text: string, before: unknown) => unknown) : option)
  }
  return command
}

/** A list, as flux takes them: the option several times, or with commas. */
export function list(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(',').filter((word) => word !== '')]
}

/** A duration as Go writes it; what is none is left for the schema to refuse. */
export function durationText(text: string): string {
  const ms = parseDurationMs(text)
  return ms === undefined ? text : formatDuration(ms)
}

/** `--prune`, `--prune=true`; false is as if it were not there. */
export function truth(text: string): true | undefined {
  if (text === 'true') return true
  if (text === 'false') return undefined
  throw new FleetError('invalid', `${text}: must be true or false`)
}

/** The members that have a value; undefined where none has. */
export function given<Members extends object>(members: Members): Partial<Members> | undefined {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined)
  return entries.length > 0 ? (Object.fromEntries(entries) as Partial<Members>) : undefined
}

interface Reference {
  readonly kind: string
  readonly name: string
  readonly namespace?: string
}

/** `GitRepository/fleet`, `GitRepository/fleet.flux-system`. @throws `invalid` when it is not one of the kinds */
export function reference(option: string, text: string, kinds: readonly Pick<ResourceKind, 'kind'>[]): Reference {
  const [, word = '', whole = ''] = /^([^/]+)\/([^/]+)$/.exec(text) ?? []
  const found = kinds.find(({ kind }) => kind.toLowerCase() === word.toLowerCase())
  const names = kinds.map(({ kind }) => kind).join(', ')
  if (!found) throw new FleetError('invalid', `${option} ${text}: write KIND/NAME or KIND/NAME.NAMESPACE, where KIND is one of ${names}`)
  const [, name = whole, namespace] = /^(.+)\.([^.]+)$/.exec(whole) ?? []
  return { kind: found.kind, name, ...(namespace === undefined ? {} : { namespace }) }
}

/** `NAME` or `NAMESPACE/NAME` of objects that have to be ready before. */
export function dependencies(
  names: readonly string[] | undefined,
): readonly { readonly name: string; readonly namespace?: string }[] | undefined {
  return names?.map((text) => {
    const [, namespace, name = text] = /^([^/]+)\/(.+)$/.exec(text) ?? []
    return { name, ...(namespace === undefined ? {} : { namespace }) }
  })
}
