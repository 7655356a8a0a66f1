import { delayMs } from '../../../proto/base/backoff.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { Random } from '../../../proto/base/random.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import { refOf } from '../../../proto/model/manifest.ts'
import { WATCH_LABEL } from '../../../proto/model/names.ts'
import { inform } from '../../kube/inform.ts'
import type { ImpersonatedKube } from '../../kube/model.ts'
import { ConfigReaders, type ConfigReadersDeps, type ConfigRef, type ConfigScope } from '../configs.ts'

type Data = Readonly<Record<string, string>>

export interface ConfigsDeps extends ConfigReadersDeps {
  readonly as: (account: ServiceAccountRef) => ImpersonatedKube
  readonly random: Random
  readonly log: Log
}

/** ConfigMaps and Secrets that objects take values from, each read and watched as the account of the object. */
export interface Configs extends AsyncDisposable {
  /** What an object takes values from: of those that ask for it by their label, changes are told from now on. */
  hold(key: string, refs: readonly ConfigRef[], account: ServiceAccountRef): void
  /** The data as text; undefined where there is no such object. */
  read(key: string, ref: ConfigRef, o: { readonly account: ServiceAccountRef; readonly signal: AbortSignal }): Promise<Data | undefined>
  forget(key: string): void
}

/** Reads without being told of what changes afterwards. */
export function readUnwatched(as: ConfigsDeps['as']): Pick<Configs, 'hold' | 'read'> {
  return { hold() {}, read: async (_key, ref, { account, signal }) => (await readConfig(as(account), ref, signal))?.data }
}

async function readConfig(kube: ImpersonatedKube, { kind, name, namespace }: ConfigRef, signal: AbortSignal) {
  const live = await kube.get({ apiVersion: 'v1', kind, namespace, name }, { signal })
  return live && { data: dataOf(kind, live.data), version: live.metadata.resourceVersion }
}

interface Watch {
  readonly stop: AbortController
  readonly done: Promise<void>
}

const REFUSED_RETRY_MS = { baseMs: 10_000, capMs: 600_000 }

/** One watch per identity, kind and namespace, on the label and for metadata alone: no content is held, and none of Secrets comes by. */
export function openConfigs(deps: ConfigsDeps): Configs {
  const readers = new ConfigReaders(deps)
  const watches = new Map<string, Watch>()
  let closed: Promise<unknown> = Promise.resolve()
  const follow = () => {
    const wanted = readers.scopes()
    for (const [id, { done, stop }] of watches)
      if (!wanted.has(id)) {
        watches.delete(id)
        stop.abort(new FleetError('aborted', 'nobody takes values from there any more'))
        closed = Promise.all([closed, done])
      }
    for (const [id, scope] of wanted)
      if (!watches.has(id)) {
        const stop = new AbortController()
        watches.set(id, { stop, done: watch(deps, { ...scope, readers, signal: stop.signal }) })
      }
  }
  return {
    hold(key, refs, account) {
      if (readers.hold(key, refs, account)) follow()
    },
    async read(key, ref, { account, signal }) {
      const found = await readConfig(deps.as(account), ref, signal)
      readers.read(key, { ...ref, account }, found?.version)
      return found?.data
    },
    forget(key) {
      if (readers.forget(key)) follow()
    },
    async [Symbol.asyncDispose]() {
      const open = [...watches.values()]
      watches.clear()
      for (const { stop } of open) stop.abort(new FleetError('aborted', 'watches are closed'))
      await Promise.all([closed, ...open.map(({ done }) => done)])
    },
  }
}

/** Follows until stopped. What may not be watched is read when the object is looked at. */
async function watch(
  { as, clock, log, random }: ConfigsDeps,
  { account, kind, namespace, readers, signal }: ConfigScope & { readonly readers: ConfigReaders; readonly signal: AbortSignal },
): Promise<void> {
  const of = { apiVersion: 'v1', kind, namespace, labelSelector: `${WATCH_LABEL}=Enabled`, metadataOnly: true }
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      for await (const told of inform(as(account), of, { signal, clock, random })) {
        const about = (name: string) => ({ account, kind, namespace, name })
        if (told.kind === 'upsert') readers.seen(about(refOf(told.object).name), told.object.metadata.resourceVersion)
        else if (told.kind === 'delete') readers.seen(about(told.ref.name), undefined)
      }
    } catch (error) {
      if (signal.aborted) return
      log.info({ event: 'watch.refused', err: error, object: kind }, 'values are read when their object is looked at')
      const waitMs = delayMs(attempt, { ...REFUSED_RETRY_MS, jitter: random.next() })
      await clock.sleep(waitMs, signal).catch(() => undefined)
    }
  }
}

function dataOf(kind: ConfigRef['kind'], data: unknown): Data {
  const texts = Object.entries((data ?? {}) as Readonly<Record<string, unknown>>).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return Object.fromEntries(kind === 'Secret' ? texts.map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]) : texts)
}
