import { parse } from 'yaml'
import { FleetError, messageOf } from '../../../proto/base/errors.ts'
import { LIKE_GO } from '../../../proto/model/go-yaml.ts'
import { decodeProtobuf } from './protobuf.ts'

/** The document of a body, by its content type: JSON, YAML without aliases that multiply, or a little protobuf. @throws `invalid` */
export function parseBody(body: Uint8Array, contentType: string): unknown {
  if (body.length === 0) return undefined
  const type = contentType.split(';')[0]?.trim().toLowerCase()
  if (type === 'application/vnd.kubernetes.protobuf') return decodeProtobuf(body)
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body)
    if (text.trim() === '') return undefined
    return type?.endsWith('yaml') ? parse(text, { ...LIKE_GO, maxAliasCount: 100 }) : JSON.parse(text)
  } catch (error) {
    throw new FleetError('invalid', `read the request: ${messageOf(error)}`, { cause: error })
  }
}
