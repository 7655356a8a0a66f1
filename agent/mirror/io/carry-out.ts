import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError, messageOf } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import { within } from '../../../proto/base/signals.ts'
import type { Answer, Call } from '../../../proto/model/call.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import { isDnsLabel, isDnsSubdomain } from '../../../proto/model/ids.ts'
import { isManifest, type Manifest } from '../../../proto/model/manifest.ts'
import { formatRef } from '../../../proto/model/object-ref.ts'
import { statusOf } from '../../kube/classify.ts'
import { serviceAccount } from '../../kube/subject.ts'
import type { KubeTarget } from '../../kube/target.ts'
import { Transport } from '../../kube/transport.ts'
import { type CallRefusal, requestOf, withoutSecrets } from '../call.ts'

export interface CarryOutDeps {
  readonly target: KubeTarget
  /** Why nobody may act as this account through the hub; undefined where it may be. */
  readonly refuse: (account: ServiceAccountRef) => string | undefined
  /** Hears of Flux objects as the API server answered them, ahead of the watch. */
  readonly wrote: (manifest: Manifest) => void
  readonly clock: Clock
  readonly log: Log
}

/** What a reconcile of an object would change, for those who may read the object; without its secrets. */
export type Diff = (object: Manifest, signal: AbortSignal) => Promise<object>

/** Carries calls out that people make through the hub, each as the ServiceAccount it names, and once. */
export interface CallDesk extends AsyncDisposable {
  carryOut(call: Call): Promise<Answer>
  /** Says who answers diffs from now on. */
  answerDiffs(diff: Diff): void
}

const REMEMBERED = 1_000
const CALL_MS = 20_000
const MAX_BODY_BYTES = 3 << 20
/** Less than the hub waits, so that the reason arrives. */
const DIFF_MS = 50_000
const DIFFS_AT_ONCE = 2

export function openCallDesk(deps: CarryOutDeps): CallDesk {
  // People's requests have connections of their own, so that neither they nor the agent's work wait for each other.
  const transport = new Transport(deps.target, { clock: deps.clock, connections: 2 })
  const stop = new AbortController()
  const answers = new Map<string, Promise<Answer>>()
  const diffs = openDiffs()
  return {
    answerDiffs: diffs.use,
    carryOut(call) {
      const known = answers.get(call.id)
      if (known !== undefined) return known
      // Not under the session's signal: a call that was begun ends, and its answer is there when it is asked for again.
      const answer = act(deps, { call, transport, diff: diffs.make, signal: stop.signal })
      answers.set(call.id, answer)
      // It changed nothing, and may be large.
      if (call.verb === 'diff') void answer.then(() => answers.delete(call.id))
      for (const oldest of answers.keys()) {
        if (answers.size <= REMEMBERED) break
        answers.delete(oldest)
      }
      return answer
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new FleetError('aborted', 'the agent stops'))
      await Promise.allSettled(answers.values())
      await transport[Symbol.asyncDispose]()
    },
  }
}

/** Diffs as they are asked for, few at a time: each takes a helm program and many requests. */
function openDiffs() {
  let diff: Diff = () => Promise.reject(new FleetError('unavailable', 'diff: the agent begins; try again'))
  let open = 0
  return {
    use: (given: Diff) => {
      diff = given
    },
    make: async (object: Manifest, signal: AbortSignal) => {
      if (open >= DIFFS_AT_ONCE) throw new FleetError('exhausted', `diff: ${open} others are being made in this cluster; try again`)
      open += 1
      try {
        return await diff(object, within(DIFF_MS, signal))
      } finally {
        open -= 1
      }
    },
  }
}

interface Act {
  readonly call: Call
  readonly diff: Diff
  readonly transport: Transport
  readonly signal: AbortSignal
}

async function act(deps: CarryOutDeps, { call, diff, transport, signal }: Act): Promise<Answer> {
  const account = accountOf(call.as)
  const refused = account ? deps.refuse(account) : `${JSON.stringify(call.as)} is not a ServiceAccount`
  if (!account || refused) return refusal(call, { code: 403, reason: 'Forbidden', message: `act in the cluster: ${refused}` })
  if (call.body.length > MAX_BODY_BYTES)
    return refusal(call, { code: 413, reason: 'RequestEntityTooLarge', message: 'the body is too large' })
  const request = requestOf(call)
  if ('code' in request) return refusal(call, request)
  const attempted = `${call.verb} ${formatRef(call.object)}`
  try {
    const { method, path, body, contentType } = request
    const sent = { verb: 'call', method, path, attempted, signal, timeoutMs: CALL_MS, as: serviceAccount(account.namespace, account.name) }
    const got = await transport.send({
      ...sent,
      ...(body === undefined ? {} : { body }),
      ...(contentType === undefined ? {} : { contentType }),
    })
    if (isManifest(got) && call.object.group !== '' && !call.dryRun && call.verb !== 'delete') deps.wrote(got)
    if (call.verb === 'diff' && isManifest(got)) return answer(call, 200, await diff(got, signal))
    return answer(call, call.verb === 'create' ? 201 : 200, withoutSecrets(got))
  } catch (error) {
    return refusal(call, call.verb === 'diff' ? undiffed(error) : failed(error))
  }
}

const OF_CODE: Partial<Record<FleetError['code'], { readonly code: number; readonly reason: string }>> = {
  invalid: { code: 422, reason: 'Invalid' },
  exhausted: { code: 429, reason: 'TooManyRequests' },
}

/** A diff changes nothing: whatever went wrong, it can be asked for again. */
function undiffed(error: unknown): CallRefusal {
  const status = statusOf(error)
  if (status) return status
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return { code: 504, reason: 'Timeout', message: `diff: it took longer than ${DIFF_MS / 1000} s` }
  const known = error instanceof FleetError ? OF_CODE[error.code] : undefined
  return { ...(known ?? { code: 503, reason: 'ServiceUnavailable' }), message: messageOf(error) }
}

function failed(error: unknown): CallRefusal {
  const status = statusOf(error)
  if (status) return status
  if (error instanceof FleetError && error.code === 'deadline-exceeded')
    return { code: 504, reason: 'Timeout', message: `${error.message}; the outcome is unknown` }
  return { code: 503, reason: 'ServiceUnavailable', message: messageOf(error) }
}

function refusal(call: Call, { code, reason, message }: CallRefusal): Answer {
  const status = { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', message, ...(reason ? { reason } : {}), code }
  return answer(call, code, status)
}

function answer(call: Call, code: number, body: unknown): Answer {
  return { id: call.id, code, body: Buffer.from(JSON.stringify(body)) }
}

function accountOf(text: string): ServiceAccountRef | undefined {
  const [namespace = '', name = '', ...rest] = text.split('/')
  return isDnsLabel(namespace) && isDnsSubdomain(name) && rest.length === 0 ? { namespace, name } : undefined
}
