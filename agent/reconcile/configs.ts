import type { Clock } from '../../proto/base/clock.ts'
import type { ServiceAccountRef } from '../../proto/model/identities.ts'
import type { Fight } from '../drift/model.ts'

/** A ConfigMap or Secret that an object takes values from. */
export interface ConfigRef {
  readonly kind: 'ConfigMap' | 'Secret'
  readonly namespace: string
  readonly name: string
}

/** Where somebody takes values from, and as whom. */
export interface ConfigScope extends Omit<ConfigRef, 'name'> {
  readonly account: ServiceAccountRef
}

export interface ConfigReadersDeps {
  /** A ConfigMap or Secret is not as the object of this key has read it. */
  readonly changed: (key: string, waitMs: number) => void
  /** How long to leave what keeps changing. */
  readonly patience: (fight: Fight | undefined, now: Date) => { readonly fight: Fight; readonly waitMs: number }
  readonly clock: Clock
}

interface Entry {
  readonly scope: ConfigScope
  /** The version that each object has read; empty where there was none, undefined where it has not read yet. */
  readonly readers: Map<string, string | undefined>
  /** The version that a watch told of last; empty where it is gone. */
  seen: string | undefined
  fight: Fight | undefined
}

/** Who has read which version of a ConfigMap or Secret, and so whom a change concerns. Versions are kept, nothing else. */
export class ConfigReaders {
  readonly #deps: ConfigReadersDeps
  readonly #entries = new Map<string, Entry>()
  readonly #held = new Map<string, readonly string[]>()

  constructor(deps: ConfigReadersDeps) {
    this.#deps = deps
  }

  /** Where values are taken from, by a key of its own. */
  scopes(): ReadonlyMap<string, ConfigScope> {
    return new Map(Array.from(this.#entries.values(), ({ scope }) => [scopeKey(scope), scope]))
  }

  /** What an object takes values from, instead of what it took them from before. @returns whether that is another */
  hold(key: string, refs: readonly ConfigRef[], account: ServiceAccountRef): boolean {
    const before = this.#held.get(key) ?? []
    const now = [...new Set(refs.map((ref) => entryKey({ ...ref, account })))]
    if (now.length === before.length && now.every((id) => before.includes(id))) return false
    for (const { kind, name, namespace } of refs) {
      const id = entryKey({ account, kind, name, namespace })
      const entry = this.#entries.get(id) ?? { scope: { account, kind, namespace }, readers: new Map(), seen: undefined, fight: undefined }
      if (!entry.readers.has(key)) entry.readers.set(key, undefined)
      this.#entries.set(id, entry)
    }
    for (const id of before) if (!now.includes(id)) this.#leave(id, key)
    if (now.length > 0) this.#held.set(key, now)
    else this.#held.delete(key)
    return true
  }

  /** An object has read this version, or that there is none. */
  read(key: string, at: ConfigRef & { readonly account: ServiceAccountRef }, version = ''): void {
    const entry = this.#entries.get(entryKey(at))
    if (!entry?.readers.has(key)) return
    entry.readers.set(key, version)
    if (entry.seen && version && isOlder(version, entry.seen)) this.#tell(entry)
  }

  /** A watch tells of this version, or that there is none any more. */
  seen(at: ConfigRef & { readonly account: ServiceAccountRef }, version = ''): void {
    const entry = this.#entries.get(entryKey(at))
    if (!entry) return
    entry.seen = version
    this.#tell(entry)
  }

  forget(key: string): boolean {
    return this.hold(key, [], { namespace: '', name: '' })
  }

  #tell(entry: Entry): void {
    const { readers, seen = '' } = entry
    const late = [...readers].flatMap(([key, read]) => (read !== undefined && isAnother(read, seen) ? [key] : []))
    if (late.length === 0) return
    const { fight, waitMs } = this.#deps.patience(entry.fight, this.#deps.clock.now())
    entry.fight = fight
    for (const key of late) {
      readers.set(key, seen)
      this.#deps.changed(key, waitMs)
    }
  }

  #leave(id: string, key: string): void {
    const readers = this.#entries.get(id)?.readers
    readers?.delete(key)
    if (readers?.size === 0) this.#entries.delete(id)
  }
}

function isAnother(read: string, seen: string): boolean {
  return read === '' || seen === '' ? read !== seen : isOlder(read, seen)
}

/** Versions of one kind are numbers that only grow (KEP-5504). */
function isOlder(a: string, b: string): boolean {
  return Number(a) < Number(b)
}

function scopeKey({ account, kind, namespace }: ConfigScope): string {
  return `${account.namespace}/${account.name}|${kind}/${namespace}`
}

function entryKey({ name, ...scope }: ConfigRef & { readonly account: ServiceAccountRef }): string {
  return `${scopeKey(scope)}/${name}`
}
