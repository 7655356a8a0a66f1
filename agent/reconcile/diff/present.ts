import type { ObjectDiff } from '../../../proto/model/diff.ts'
import { atPointer } from '../../../proto/model/json-pointer.ts'
import { refOf } from '../../../proto/model/manifest.ts'
import { formatRef } from '../../../proto/model/object-ref.ts'
import { fieldsOf } from './fields.ts'
import type { Hide } from './hide.ts'
import type { Compared } from './ports.ts'

/** What fits into an answer. */
const MAX_BYTES = 512 << 10
const MAX_OBJECTS = 1_000
/** Fields that are looked through for secrets: nothing else is done meanwhile. */
const MAX_LOOKED = 1 << 20

export interface Presented {
  readonly objects: readonly ObjectDiff[]
  readonly unchanged: number
  /** What was left out; empty where nothing was. */
  readonly notes: readonly string[]
}

/** What people are shown of a comparison, secrets hidden, as far as it fits into an answer. */
export function presented(compared: readonly Compared[], hide: Hide): Presented {
  const differing = compared.filter(({ what }) => what !== 'same')
  const shown = differing.slice(0, MAX_OBJECTS)
  const objects: ObjectDiff[] = []
  let [bytes, looked, bare] = [0, 0, 0]
  for (const one of shown) {
    looked += sizeOf(one)
    const whole = looked <= MAX_LOOKED && bytes < MAX_BYTES ? objectDiff(one, hide) : undefined
    bytes += whole ? JSON.stringify(whole).length : 0
    const fits = whole !== undefined && bytes <= MAX_BYTES
    if (!fits && one.paths) bare += 1
    objects.push(fits ? whole : objectDiff({ ...one, paths: [] }, hide))
  }
  const left = differing.length - shown.length
  return {
    objects,
    unchanged: compared.length - differing.length,
    notes: [
      ...(bare > 0 ? [`the fields of ${count(bare, 'object')} are not shown: there is too much of them`] : []),
      ...(left > 0 ? [`${count(left, 'more object')} would not stay as they are: there are too many to be shown`] : []),
    ],
  }
}

function objectDiff({ live, message, object, paths = [], wanted, what }: Compared, hide: Hide): ObjectDiff {
  return {
    object: hide.text(formatRef(refOf(object))),
    apiVersion: object.apiVersion,
    what: what === 'same' ? 'changed' : what,
    ...(live && wanted && paths.length > 0 ? { fields: fieldsOf({ live, wanted, paths }, hide) } : {}),
    ...(message === undefined ? {} : { message: hide.text(message) }),
  }
}

function sizeOf({ live, paths = [], wanted }: Compared): number {
  const size = (value: unknown) => JSON.stringify(value)?.length ?? 0
  return paths.reduce((sum, path) => sum + size(atPointer(live, path)) + size(atPointer(wanted, path)), 0)
}

function count(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? '' : 's'}`
}
