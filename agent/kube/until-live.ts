import type { Clock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import { anyOf } from '../../proto/base/signals.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { formatRef, groupOf } from '../../proto/model/object-ref.ts'
import type { Kube, ObjectAt } from './model.ts'

export interface Until {
  readonly enough: (live: Manifest | undefined) => boolean
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

const POLL_MS = 500

/** Follows one object by watch until `enough`; by GET where the identity may not list or watch the kind. */
export async function untilLive(deps: { readonly kube: Kube; readonly clock: Clock }, at: ObjectAt, until: Until): Promise<void> {
  const timeout = AbortSignal.timeout(until.timeoutMs)
  const signal = anyOf(until.signal, timeout)
  try {
    await follow(deps, at, { ...until, signal })
  } catch (error) {
    until.signal.throwIfAborted()
    if (!timeout.aborted) throw error
    const name = formatRef({ group: groupOf(at.apiVersion), kind: at.kind, namespace: at.namespace ?? '', name: at.name })
    throw new FleetError('deadline-exceeded', `timeout waiting for: [${name}] after ${until.timeoutMs / 1000} s`, { cause: error })
  }
}

async function follow(deps: { readonly kube: Kube; readonly clock: Clock }, at: ObjectAt, { enough, signal }: Until): Promise<void> {
  let byWatch = true
  for (;;) {
    signal.throwIfAborted()
    if (!byWatch && enough(await deps.kube.get(at, { signal }))) return
    try {
      if (byWatch && (await watchUntil(deps.kube, at, { enough, signal }))) return
    } catch (error) {
      if (!(error instanceof FleetError) || (error.code !== 'forbidden' && error.code !== 'gone')) throw error
      byWatch = error.code === 'gone'
    }
    await deps.clock.sleep(POLL_MS, signal)
  }
}

/** True once an event is enough; false when the stream ended before that. */
async function watchUntil(kube: Kube, at: ObjectAt, { enough, signal }: Omit<Until, 'timeoutMs'>): Promise<boolean> {
  const of = {
    apiVersion: at.apiVersion,
    kind: at.kind,
    fieldSelector: `metadata.name=${at.name}`,
    ...(at.namespace ? { namespace: at.namespace } : {}),
  }
  let resourceVersion = ''
  for await (const page of kube.list(of, { signal })) {
    resourceVersion = page.resourceVersion
    if (enough(page.items.find((item) => item.metadata.name === at.name))) return true
  }
  for await (const event of kube.watch(of, { resourceVersion, signal })) {
    if (event.kind === 'bookmark') continue
    if (enough(event.kind === 'delete' ? undefined : event.object)) return true
  }
  return false
}
