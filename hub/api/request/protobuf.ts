import { BinaryReader } from '@bufbuild/protobuf/wire'
import { FleetError } from '../../../proto/base/errors.ts'

/**
 * The few messages that kubectl's typed clients send as protobuf, as the objects that they would be in JSON. Numbers
 * are those of the .proto files of Kubernetes; members that are not listed are not read.
 */
export function decodeProtobuf(bytes: Uint8Array): unknown {
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) throw unreadable('it does not begin as Kubernetes writes it')
  const unknown = message(bytes.subarray(MAGIC.length), UNKNOWN) as { typeMeta?: { kind?: string; apiVersion?: string }; raw?: Uint8Array }
  const { apiVersion = '', kind = '' } = unknown.typeMeta ?? {}
  const shape = SHAPES[kind]
  if (!shape) throw unreadable(`${kind || 'this kind'} must be sent as application/json`)
  return { apiVersion, kind, ...message(unknown.raw ?? new Uint8Array(), shape) }
}

type Field =
  | { readonly name: string; readonly as: 'text' | 'bytes' | 'base64' | 'truth' | 'texts' | 'bytesMap' | 'textMap' }
  | { readonly name: string; readonly as: 'message'; readonly shape: Shape }
type Shape = Readonly<Record<number, Field>>

const MAGIC = [0x6b, 0x38, 0x73, 0x00]
const text = (name: string): Field => ({ name, as: 'text' })
const inner = (name: string, shape: Shape): Field => ({ name, as: 'message', shape })
const texts = (...names: readonly string[]): Shape => Object.fromEntries(names.map((name, index) => [index + 1, text(name)]))

const UNKNOWN: Shape = { 1: inner('typeMeta', texts('apiVersion', 'kind')), 2: { name: 'raw', as: 'bytes' } }
const META: Shape = {
  1: text('name'),
  2: text('generateName'),
  3: text('namespace'),
  5: text('uid'),
  6: text('resourceVersion'),
  11: { name: 'labels', as: 'textMap' },
  12: { name: 'annotations', as: 'textMap' },
  14: { name: 'finalizers', as: 'texts' },
}
const ATTRIBUTES = texts('namespace', 'verb', 'group', 'version', 'resource', 'subresource', 'name')
const SHAPES: Readonly<Record<string, Shape>> = {
  SelfSubjectAccessReview: {
    1: inner('metadata', META),
    2: inner('spec', { 1: inner('resourceAttributes', ATTRIBUTES), 2: inner('nonResourceAttributes', texts('path', 'verb')) }),
  },
  SelfSubjectRulesReview: { 1: inner('metadata', META), 2: inner('spec', texts('namespace')) },
  SelfSubjectReview: { 1: inner('metadata', META) },
  Secret: {
    1: inner('metadata', META),
    2: { name: 'data', as: 'bytesMap' },
    3: text('type'),
    4: { name: 'stringData', as: 'textMap' },
    5: { name: 'immutable', as: 'truth' },
  },
  DeleteOptions: { 2: inner('preconditions', texts('uid', 'resourceVersion')), 4: text('propagationPolicy') },
}

const ENTRY: Shape = { 1: text('key'), 2: text('value') }
const BYTES_ENTRY: Shape = { 1: text('key'), 2: { name: 'value', as: 'base64' } }

function message(bytes: Uint8Array, shape: Shape): Record<string, unknown> {
  const reader = new BinaryReader(bytes)
  const out: Record<string, unknown> = {}
  try {
    while (reader.pos < reader.len) {
      const [number, wire] = reader.tag()
      const field = shape[number]
      if (field) read(reader, field, out)
      else reader.skip(wire)
    }
  } catch (error) {
    throw error instanceof FleetError ? error : unreadable('it ends too early or is damaged')
  }
  return out
}

function read(reader: BinaryReader, field: Field, out: Record<string, unknown>): void {
  switch (field.as) {
    case 'message':
      out[field.name] = message(reader.bytes(), field.shape)
      return
    case 'text':
      out[field.name] = reader.string()
      return
    case 'texts':
      out[field.name] = [...((out[field.name] as string[] | undefined) ?? []), reader.string()]
      return
    case 'bytes':
      out[field.name] = reader.bytes()
      return
    case 'base64':
      out[field.name] = btoa(Array.from(reader.bytes(), (byte) => String.fromCharCode(byte)).join(''))
      return
    case 'truth':
      out[field.name] = reader.bool()
      return
    default: {
      const entry = message(reader.bytes(), field.as === 'bytesMap' ? BYTES_ENTRY : ENTRY)
      out[field.name] = { ...(out[field.name] as object | undefined), [String(entry.key ?? '')]: entry.value ?? '' }
    }
  }
}

function unreadable(why: string): FleetError {
  return new FleetError('invalid', `read the protobuf of the request: ${why}`)
}
